"""Readers of what recording systems deliver: `Delivery`s whose `call()` is one `Call`. No vendor is known elsewhere."""
