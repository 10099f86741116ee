"""The proof of the store's two promises: what was acknowledged stays, and what was erased never comes back.

`trace` runs a command under strace and disturbs it; `disk` says what a power cut may leave; `crashes` and `races`
try a command at each of its calls; `bugs` are sown on purpose and must be found; `report` writes results.md.
What must hold stands in `tests/support/promises.py`. Needs Linux and strace.
"""
