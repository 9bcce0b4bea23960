"""The command line `portable`: its start, its exit codes, and what it needs to be installed.

This module works without the optional packages, and names those that are missing. It turns
Ctrl-C and a closed pipe into exit codes, and escapes characters that the terminal's encoding
does not have. `app` has the commands; `display` and `as_json` render their results.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from typing import NoReturn

DIFFERS = 1
BAD_USE = 2
INTERRUPTED = 130  # 128 + SIGINT, as in shells
PIPE_CLOSED = 141  # 128 + SIGPIPE

_NEEDED = {"typer": "typer", "rich": "rich", "time_machine": "time-machine"}


def main() -> NoReturn:
    """Run the command line and exit.

    The exit code is 0 if all is well, 1 if a program differs from its original, 2 after
    bad use, 130 after Ctrl-C and 141 if whoever read the output stopped reading.
    """
    try:
        try:
            code = _main()
            sys.stdout.flush()
        except KeyboardInterrupt:
            code = INTERRUPTED
        if code == INTERRUPTED:
            sys.stderr.write("portable: interrupted\n")
    except BrokenPipeError:
        # Python flushes the rest of the buffer at its end, which would raise the error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = PIPE_CLOSED
    sys.exit(code)


def _main() -> int:
    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        sys.stderr.write(
            f"portable: the command line needs {', '.join(missing)}; "
            "install it with: pip install 'portable-tasks[cli]'\n"
        )
        return BAD_USE
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    from .app import app  # imports the packages that were checked above

    try:
        return int(app(prog_name="portable") or 0)
    except SystemExit as end:  # how Typer ends, as a rule
        return end.code if isinstance(end.code, int) else BAD_USE
