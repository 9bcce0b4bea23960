"""A task that is cancelled tells of it and goes on raising, with AnyIO."""

import anyio


async def cancel_me(scope):
    with scope:
        print("cancel_me(): before sleep")
        try:
            await anyio.sleep(3600)
        except anyio.get_cancelled_exc_class():
            print("cancel_me(): cancel sleep")
            raise
        finally:
            print("cancel_me(): after sleep")


async def main():
    scope = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancel_me, scope)
        await anyio.sleep(1)
        scope.cancel()
    if scope.cancelled_caught:
        print("main(): cancel_me is cancelled now")


anyio.run(main)
