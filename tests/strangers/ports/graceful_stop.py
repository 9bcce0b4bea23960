"""Tasks are cancelled when a signal comes, and clean up, with AnyIO."""

import logging
import os
import signal

import anyio

logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


async def work(number):
    try:
        while True:
            logging.info("worker %d at work", number)
            await anyio.sleep(number)
    except anyio.get_cancelled_exc_class():
        logging.info("worker %d saves what it has", number)
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.5)
        raise
    finally:
        logging.info("worker %d is gone", number)


async def kill_after(seconds):
    await anyio.sleep(seconds)
    os.kill(os.getpid(), signal.SIGTERM)


async def main():
    ended = ["NoneType"] * 3

    scopes = [anyio.CancelScope() for _ in ended]

    async def run(number):
        scope = scopes[number - 1]
        with scope:
            await work(number)
        if scope.cancelled_caught:
            ended[number - 1] = "CancelledError"

    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill_after, 5.5)
            for n in (1, 2, 3):
                tasks.start_soon(run, n)
            async for _ in signals:
                break
            logging.info("received SIGTERM")
            for scope in scopes:
                scope.cancel()
    logging.info("ended: %s", ended)


if __name__ == "__main__":
    anyio.run(main)
