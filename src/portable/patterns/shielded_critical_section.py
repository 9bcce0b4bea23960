"""Shield a critical section from cancellation.

Money is taken from one account and, two seconds later, put into another. One visitor pays and
has a coffee. The next one is cancelled while paying; the payment is completed, and the visitor
leaves without a coffee. The last one has no patience and leaves at once, and the payment goes
on alone.

asyncio cancels a task once, so it may still await the payment before it ends. AnyIO cancels it
at each `await`. So in the port a shielded scope keeps the second visitor until the payment is
over. The last payment is a task of its own; awaiting its handle with a time limit does not
cancel it.
"""


async def original() -> None:
    import asyncio

    accounts = {"visitors": 300, "shop": 0}

    async def pay(amount: int) -> None:
        accounts["visitors"] -= amount
        await asyncio.sleep(2)
        accounts["shop"] += amount
        print(f"paid: {accounts}")

    async def visit() -> None:
        payment = asyncio.create_task(pay(100))
        try:
            await asyncio.shield(payment)
        except asyncio.CancelledError:
            await payment
            raise
        await asyncio.sleep(1)
        print("and a coffee")

    await visit()
    visitor = asyncio.create_task(visit())
    await asyncio.sleep(1)
    print(f"the shop closes: {accounts}")
    visitor.cancel("closing time")
    try:
        await visitor
    except asyncio.CancelledError as reason:
        print(f"the visitor has left: {reason}")
    payment = asyncio.create_task(pay(50))
    try:
        await asyncio.wait_for(asyncio.shield(payment), timeout=1)
    except TimeoutError:
        print(f"no patience left: {accounts}")
    await payment


async def port() -> None:
    import anyio

    accounts = {"visitors": 300, "shop": 0}

    async def pay(amount: int) -> None:
        accounts["visitors"] -= amount
        await anyio.sleep(2)
        accounts["shop"] += amount
        print(f"paid: {accounts}")

    async def visit() -> None:
        with anyio.CancelScope(shield=True):
            await pay(100)
        await anyio.sleep(1)
        print("and a coffee")

    await visit()
    async with anyio.create_task_group() as group:
        visitor = group.start_soon(visit)
        await anyio.sleep(1)
        print(f"the shop closes: {accounts}")
        reason = "closing time"
        visitor.cancel()
        try:
            await visitor
        except anyio.TaskCancelled:
            print(f"the visitor has left: {reason}")
        payment = group.start_soon(pay, 50)
        try:
            with anyio.fail_after(1):
                await payment
        except TimeoutError:
            print(f"no patience left: {accounts}")
