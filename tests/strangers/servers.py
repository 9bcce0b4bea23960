"""Servers from Debian that the tests of a package talk to."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

#: Variables for the tests, and a command that theirs is an argument of.
Served = tuple[dict[str, str], list[str]]


class NotHere(Exception):
    """The server, or what it needs, is not on this machine."""


@contextlib.contextmanager
def redis(folder: pathlib.Path) -> Iterator[Served]:
    """A server of Redis's on the port that the environment names."""
    command = shutil.which("redis-server")
    if command is None:
        raise NotHere("no redis-server; Debian's package is redis-server")
    with socket.create_server(("localhost", 0)) as unused:
        port = str(unused.getsockname()[1])
    command_line = [command, "--port", port, "--save", "", "--enable-debug-command", "local"]
    with subprocess.Popen(command_line, cwd=folder, stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("localhost", int(port))).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.1)
            yield {"PORT": port}, []
        finally:
            server.terminate()


@contextlib.contextmanager
def postgres(folder: pathlib.Path) -> Iterator[Served]:
    """PostgreSQL's programs, which the suite starts servers by, and a user that may.

    PostgreSQL refuses to run as root, and what root has installed here may be for root alone.
    In a user namespace root is somebody else, and may read it all the same.
    """
    installed = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not installed:
        raise NotHere("no PostgreSQL; Debian's package is postgresql")
    prefix: list[str] = []
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        prefix = [
            *("unshare", "--user"),
            *(f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}"),
        ]
        if shutil.which("unshare") is None or subprocess.run([*prefix, "true"]).returncode:
            raise NotHere("PostgreSQL does not run as root, and there are no user namespaces")
    yield {"PGINSTALLATION": str(installed[-1].parent)}, prefix


SERVERS = {"redis": redis, "postgres": postgres}
