"""The command `portable`: `check`, `compare`, `list` and `show`.

This module is what starts it and what it ends with: it works without the optional packages
(to name those that are missing), turns Ctrl-C and a closed pipe into exit codes, and makes
output possible that the terminal's encoding has no characters for. The commands are in
`app`, what they print in `display` and `as_json`.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from io import TextIOWrapper
from typing import NoReturn

DIFFERS = 1
BAD_USE = 2
INTERRUPTED = 130  # 128 + SIGINT, and below 128 + SIGPIPE: what shells say in these cases
PIPE_CLOSED = 141

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
    except BrokenPipeError:
        # What is still buffered would raise again when Python flushes it at its end.
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

    from .app import app  # imports the packages looked for above

    try:
        app(prog_name="portable")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else BAD_USE
    return 0
