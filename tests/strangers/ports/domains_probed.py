"""Names are probed in any order, and shown with a mark, with AnyIO."""

from keyword import kwlist

import anyio

MAX_LENGTH = 3


async def probe(domain: str) -> tuple[str, bool]:
    seconds = (sum(map(ord, domain)) % 97 + 7 * len(domain)) / 100  # the name server takes
    await anyio.sleep(seconds)
    return domain, domain.startswith(("a", "i", "n"))


async def probe_and_show(domain: str) -> None:
    domain, found = await probe(domain)
    mark = "+" if found else " "
    print(f"{mark} {domain}")


async def main() -> None:
    names = sorted(name for name in kwlist if len(name) <= MAX_LENGTH and name.islower())
    async with anyio.create_task_group() as tasks:
        for name in names:
            tasks.start_soon(probe_and_show, f"{name}.dev")


if __name__ == "__main__":
    anyio.run(main)
