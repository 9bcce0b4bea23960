"""A loop is stopped by a signal after its tasks have been cancelled.

After Lynn Root, *asyncio: We Did It Wrong*.
"""

import asyncio
import logging
import os
import signal

logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


class Restart(Exception):
    pass


async def work(number):
    try:
        while True:
            logging.info("worker %d at work", number)
            await asyncio.sleep(number)
    except asyncio.CancelledError:
        logging.info("worker %d saves what it has", number)
        await asyncio.sleep(0.5)
        raise
    finally:
        logging.info("worker %d is gone", number)


async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.call_later(5.5, os.kill, os.getpid(), signal.SIGTERM)
    tasks = [asyncio.create_task(work(n)) for n in (1, 2, 3)]
    await stop.wait()
    logging.info("received SIGTERM")
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    logging.info("ended: %s", [type(one).__name__ for one in results])


if __name__ == "__main__":
    asyncio.run(main())
