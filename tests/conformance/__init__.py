"""CPython's own tests of asyncio, run with portable's names in asyncio's place."""
