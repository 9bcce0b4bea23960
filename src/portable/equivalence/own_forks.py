"""The end of a fork that a program made of itself, which must not come back to the recorder."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn


def end_as_python_does(error: BaseException | None, at_exit: Callable[[], object]) -> NoReturn:
    """End this process as Python ends one whose program is over.

    Args:
        error: what the program raised; `None`: it came to its end.
        at_exit: calls what the program has asked to be called at the end.
    """
    code = 1
    try:
        code = 0 if error is None else _told(error)
        at_exit()
        sys.stdout.flush()
        sys.stderr.flush()
        if isinstance(error, KeyboardInterrupt):  # pragma: no cover - it leaves nothing behind
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    finally:  # also where the program has closed or replaced what is used here
        os._exit(code)


def _told(error: BaseException) -> int:
    """Say what a program ended with, and return its exit code."""
    if not isinstance(error, SystemExit):
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    if isinstance(error.code, int | None):
        return error.code or 0
    sys.stderr.write(f"{error.code}\n")
    return 1
