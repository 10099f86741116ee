"""Benchmarks: ratios against named peers, measured in alternating pairs of one run, with the machine named."""
