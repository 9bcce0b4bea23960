"""Three factorials are computed side by side.

After Python's documentation.
"""

import asyncio


async def factorial(name, number):
    result = 1
    for i in range(2, number + 1):
        print(f"task {name}: compute factorial({number}), currently i={i}")
        await asyncio.sleep(1)
        result *= i
    print(f"task {name}: factorial({number}) = {result}")
    return result


async def main():
    print(await asyncio.gather(factorial("A", 2), factorial("B", 3), factorial("C", 4)))


asyncio.run(main())
