"""Ports of `shielded_critical_section` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

Pay = Callable[[int], Awaitable[None]]
Visit = Callable[[Pay], Awaitable[None]]
Hurry = Callable[["anyio.TaskHandle[None]", dict[str, int]], Awaitable[None]]


def paying() -> tuple[dict[str, int], Pay]:
    accounts = {"visitors": 300, "shop": 0}

    async def pay(amount: int) -> None:
        accounts["visitors"] -= amount
        await anyio.sleep(2)
        accounts["shop"] += amount
        print(f"paid: {accounts}")

    return accounts, pay


async def visit_and_pay(pay: Pay) -> None:
    with anyio.CancelScope(shield=True):
        await pay(100)
    await anyio.sleep(1)
    print("and a coffee")


async def wait_a_second(payment: "anyio.TaskHandle[None]", accounts: dict[str, int]) -> None:
    try:
        with anyio.fail_after(1):
            await payment
    except TimeoutError:
        print(f"no patience left: {accounts}")


async def in_a_group(visit: Visit = visit_and_pay, hurry: Hurry = wait_a_second) -> None:
    accounts, pay = paying()
    await visit(pay)
    async with anyio.create_task_group() as group:
        visitor = group.start_soon(visit, pay)  # type: ignore[arg-type]
        await anyio.sleep(1)
        print(f"the shop closes: {accounts}")
        visitor.cancel()
        try:
            await visitor
        except anyio.TaskCancelled:
            print("the visitor has left: closing time")
        payment = group.start_soon(pay, 50)  # type: ignore[arg-type]
        await hurry(payment, accounts)


async def wrong_port_without_a_shield() -> None:
    """The payment is cut in two: the money has left the one account and is in no other."""

    async def visit(pay: Pay) -> None:
        await pay(100)
        await anyio.sleep(1)
        print("and a coffee")

    await in_a_group(visit)


async def wrong_port_that_shields_everything() -> None:
    """Within the shield the coffee cannot be cancelled either."""

    async def visit(pay: Pay) -> None:
        with anyio.CancelScope(shield=True):
            await pay(100)
            await anyio.sleep(1)
            print("and a coffee")

    await in_a_group(visit)


async def wrong_port_that_shields_too_late() -> None:
    """A shield in the clean-up finds the payment cut in two already."""

    async def visit(pay: Pay) -> None:
        try:
            await pay(100)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
        print("and a coffee")

    await in_a_group(visit)


async def wrong_port_with_a_shield_against_impatience() -> None:
    """A shielded scope keeps the waiter waiting, where asyncio's shield lets it go."""

    async def hurry(payment: "anyio.TaskHandle[None]", accounts: dict[str, int]) -> None:
        try:
            with anyio.fail_after(1), anyio.CancelScope(shield=True):
                await payment
        except TimeoutError:
            print(f"no patience left: {accounts}")

    await in_a_group(hurry=hurry)


async def wrong_port_that_cancels_the_payment() -> None:
    """As wait_for() does without a shield: at the limit the payment is cancelled."""

    async def hurry(payment: "anyio.TaskHandle[None]", accounts: dict[str, int]) -> None:
        try:
            with anyio.fail_after(1):
                await payment
        except TimeoutError:
            payment.cancel()
            print(f"no patience left: {accounts}")

    await in_a_group(hurry=hurry)


async def wrong_port_that_swallows_the_cancellation() -> None:
    """The visitor stays, as if nothing had been said, and has a coffee."""

    async def visit(pay: Pay) -> None:
        with anyio.CancelScope(shield=True):
            await pay(100)
        try:
            await anyio.sleep(1)
        except anyio.get_cancelled_exc_class():
            pass
        print("and a coffee")

    await in_a_group(visit)


async def harmless_port_with_a_task_for_the_payment() -> None:
    """The payment is a task of the group, and the visitor waits for its end in a shield."""
    accounts, pay = paying()
    async with anyio.create_task_group() as group:

        async def visit() -> None:
            payment = group.start_soon(pay, 100)  # type: ignore[arg-type]
            try:
                await payment.wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await payment.wait()
            await anyio.sleep(1)
            print("and a coffee")

        await visit()
        visitor = group.start_soon(visit)
        await anyio.sleep(1)
        print(f"the shop closes: {accounts}")
        visitor.cancel()
        await visitor.wait()
        print("the visitor has left: closing time")
        await wait_a_second(group.start_soon(pay, 50), accounts)  # type: ignore[arg-type]
