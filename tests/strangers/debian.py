"""Sources that Debian keeps, for packages whose sdists come without their tests."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tarfile

from servers import NotHere


def unpack(package: str, suite: str, folder: pathlib.Path) -> None:
    """Unpack what a source package was made of, the authors' own archive, into a folder.

    It comes from where this machine has its packages from; nothing of that is changed.

    Args:
        package: `name=version`.
        suite: the suite of Debian's that has it.
        folder: has to be there.

    Raises:
        NotHere: this is no Debian, or the archive cannot be had.
    """
    if shutil.which("apt-get") is None:
        raise NotHere(f"{package} comes from Debian, and there is no apt-get")
    listed = subprocess.run(
        [
            *("apt-get", "indextargets", "--format", "$(REPO_URI)"),
            *("Created-By: Packages", "Origin: Debian", "Component: main"),
        ],
        capture_output=True,
        text=True,
    ).stdout.split()
    if not listed:
        raise NotHere(f"{package} comes from Debian, and apt knows of no archive of Debian's")
    (folder / "sources.list").write_text(f"deb-src {listed[0]} {suite} main\n")
    (folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    options = [
        *("-o", f"Dir::Etc::sourcelist={folder / 'sources.list'}"),
        *("-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::State::lists={folder / 'lists'}"),
        *("-o", "APT::Sandbox::User="),
    ]
    for command in (["update"], ["source", "--download-only", "--tar-only", package]):
        done = subprocess.run(
            ["apt-get", "-q", *options, *command], cwd=folder, capture_output=True, text=True
        )
    archives = list(folder.glob("*.orig.tar.*"))
    if not archives:
        raise NotHere(f"{package} could not be had from Debian: {done.stderr.strip()[-300:]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder / "source", filter="data")
