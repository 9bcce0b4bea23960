"""CPython's own tests of asyncio, run on asyncio's library on trio.

`python -m tests.conformance` prints the table; `test_cpython.py` compares it with the committed
`verdicts.toml`.
"""
