"""Messages are restarted, saved, kept alive and cleaned up.

After Lynn Root, *asyncio: We Did It Wrong*.
"""

import asyncio
import logging
import random
import signal
from dataclasses import dataclass

logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


@dataclass
class Message:
    name: str
    host: str = ""
    acked: bool = False
    restarted: bool = False
    saved: bool = False


async def publish(queue):
    for number in range(6):
        message = Message(f"cattle-{number}", f"cattle-{number}.example.net")
        asyncio.create_task(queue.put(message))
        logging.info("published %s", message.name)
        await asyncio.sleep(random.random())


async def restart(message):
    await asyncio.sleep(random.random())
    message.restarted = True
    if message.name.endswith("3"):
        raise RuntimeError(f"could not restart {message.host}")
    logging.info("restarted %s", message.host)


async def save(message):
    await asyncio.sleep(random.random())
    message.saved = True
    logging.info("saved %s", message.name)


async def extend(message, event):
    while not event.is_set():
        logging.info("extended deadline of %s by 3 seconds", message.name)
        await asyncio.sleep(2)


async def clean_up(message, event):
    await event.wait()
    await asyncio.sleep(random.random())
    message.acked = True
    logging.info("done, acked %s", message.name)


async def handle(message):
    event = asyncio.Event()
    asyncio.create_task(extend(message, event))
    asyncio.create_task(clean_up(message, event))
    results = await asyncio.gather(save(message), restart(message), return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            logging.error("handling %s: %s", message.name, result)
    event.set()


async def consume(queue):
    while True:
        message = await queue.get()
        logging.info("consumed %s", message.name)
        asyncio.create_task(handle(message))


async def shut_down(loop, sig):
    logging.info("received exit signal %s", sig.name)
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    logging.info("cancelling %d outstanding tasks", len(tasks))
    await asyncio.gather(*tasks, return_exceptions=True)
    logging.info("flushing metrics")
    loop.stop()


def main():
    loop = asyncio.new_event_loop()
    for sig in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(
            sig, lambda sig=sig: asyncio.ensure_future(shut_down(loop, sig))
        )
    queue = asyncio.Queue()
    loop.call_later(10, signal.raise_signal, signal.SIGTERM)
    try:
        loop.create_task(publish(queue))
        loop.create_task(consume(queue))
        loop.run_forever()
    finally:
        loop.close()
        logging.info("successfully shut down the service")


if __name__ == "__main__":
    main()
