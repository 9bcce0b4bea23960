"""Three suppliers are asked at once; the slow ones do not count."""

import portable

SUPPLIERS = {"north": (1.0, 120), "south": (2.5, 95), "east": (9.0, 10), "west": (0.5, None)}


async def offer(name: str) -> tuple[str, int]:
    seconds, price = SUPPLIERS[name]
    await portable.sleep(seconds)
    if price is None:
        raise ConnectionError(name)
    return name, price


async def within(name: str, seconds: float) -> tuple[str, int] | None:
    try:
        return await portable.wait_for(offer(name), seconds)
    except TimeoutError:
        print(name, "is too slow")
        return None


async def main() -> None:
    found = await portable.gather(*(within(n, 3) for n in SUPPLIERS), return_exceptions=True)
    for name, one in zip(SUPPLIERS, found, strict=True):
        print(name, repr(one))
    good = [one for one in found if isinstance(one, tuple)]
    print("best:", min(good, key=lambda one: one[1]))


if __name__ == "__main__":
    portable.run(main)
