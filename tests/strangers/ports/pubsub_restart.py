"""Messages are restarted, saved, kept alive and cleaned up, with AnyIO."""

import logging
import random
import signal
from dataclasses import dataclass

import anyio

logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


@dataclass
class Message:
    name: str
    host: str = ""
    acked: bool = False
    restarted: bool = False
    saved: bool = False


async def publish(send):
    for number in range(6):
        message = Message(f"cattle-{number}", f"cattle-{number}.example.net")
        send.send_nowait(message)
        logging.info("published %s", message.name)
        await anyio.sleep(random.random())


async def restart(message):
    await anyio.sleep(random.random())
    message.restarted = True
    if message.name.endswith("3"):
        raise RuntimeError(f"could not restart {message.host}")
    logging.info("restarted %s", message.host)


async def save(message):
    await anyio.sleep(random.random())
    message.saved = True
    logging.info("saved %s", message.name)


async def extend(message, event):
    while not event.is_set():
        logging.info("extended deadline of %s by 3 seconds", message.name)
        await anyio.sleep(2)


async def clean_up(message, event):
    await event.wait()
    await anyio.sleep(random.random())
    message.acked = True
    logging.info("done, acked %s", message.name)


async def handle(message, tasks):
    event = anyio.Event()
    tasks.start_soon(extend, message, event)
    tasks.start_soon(clean_up, message, event)
    errors = []

    async def attempt(job):
        try:
            await job(message)
        except Exception as error:
            errors.append(error)

    async with anyio.create_task_group() as jobs:
        jobs.start_soon(attempt, save)
        jobs.start_soon(attempt, restart)
    for error in errors:
        logging.error("handling %s: %s", message.name, error)
    event.set()


async def consume(receive, tasks):
    async for message in receive:
        logging.info("consumed %s", message.name)
        tasks.start_soon(handle, message, tasks)


async def main():
    send, receive = anyio.create_memory_object_stream(float("inf"))
    with (
        send,
        receive,
        anyio.open_signal_receiver(signal.SIGHUP, signal.SIGTERM, signal.SIGINT) as signals,
    ):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publish, send)
            tasks.start_soon(consume, receive, tasks)
            tasks.start_soon(end_after, 10)
            async for sig in signals:
                logging.info("received exit signal %s", signal.Signals(sig).name)
                break
            logging.info("cancelling %d outstanding tasks", 1)
            tasks.cancel_scope.cancel()
    logging.info("flushing metrics")
    logging.info("successfully shut down the service")


async def end_after(seconds):
    await anyio.sleep(seconds)
    signal.raise_signal(signal.SIGTERM)


if __name__ == "__main__":
    anyio.run(main)
