"""Readers of recording systems. Each gives `Delivery`s whose `call()` is one `Call`; nothing else knows a vendor."""
