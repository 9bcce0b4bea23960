"""The date once a second, by a callback that sets itself anew.

After Python's documentation.
"""

import asyncio
import datetime


def show_date(end_time, loop):
    print(datetime.datetime.now())
    if (loop.time() + 1.0) < end_time:
        loop.call_later(1, show_date, end_time, loop)
    else:
        loop.stop()


loop = asyncio.new_event_loop()
loop.call_soon(show_date, loop.time() + 5.0, loop)
try:
    loop.run_forever()
finally:
    loop.close()
