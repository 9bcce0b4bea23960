"""Three factorials are computed side by side, with AnyIO."""

import anyio


async def factorial(name, number):
    result = 1
    for i in range(2, number + 1):
        print(f"task {name}: compute factorial({number}), currently i={i}")
        await anyio.sleep(1)
        result *= i
    print(f"task {name}: factorial({number}) = {result}")
    return result


async def main():
    results = [None] * 3

    async def compute(place, name, number):
        results[place] = await factorial(name, number)

    async with anyio.create_task_group() as tasks:
        for place, (name, number) in enumerate([("A", 2), ("B", 3), ("C", 4)]):
            tasks.start_soon(compute, place, name, number)
    print(results)


anyio.run(main)
