"""Names are probed in any order, and shown with a mark.

After Luciano Ramalho, *Fluent Python*.
"""

import asyncio
from keyword import kwlist

MAX_LENGTH = 3


async def probe(domain: str) -> tuple[str, bool]:
    seconds = (sum(map(ord, domain)) % 97 + 7 * len(domain)) / 100  # the name server takes
    await asyncio.sleep(seconds)
    return domain, domain.startswith(("a", "i", "n"))


async def main() -> None:
    names = sorted(name for name in kwlist if len(name) <= MAX_LENGTH and name.islower())
    probes = [probe(f"{name}.dev") for name in names]
    for coro in asyncio.as_completed(probes):
        domain, found = await coro
        mark = "+" if found else " "
        print(f"{mark} {domain}")


if __name__ == "__main__":
    asyncio.run(main())
