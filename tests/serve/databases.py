"""A real PostgreSQL for the tests: Debian's binaries, a data folder and port of its own, an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binaries() -> Path | None:
    """The newest folder with initdb and pg_ctl."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    named = shutil.which("initdb")
    candidates = [*found, *([Path(named)] if named else [])]
    return candidates[-1].parent if candidates else None


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """A running server; yields the URL of its maintenance database."""
    folder = Path(tempfile.mkdtemp(prefix="certify-pg-", dir="/tmp"))  # short: it holds the socket
    bin_ = binaries()
    assert bin_ is not None
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    data = str(folder / "data")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c max_connections=60"
    try:
        subprocess.run(
            [*as_user, str(bin_ / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8"], **quiet
        )
        log = str(folder / "log")
        subprocess.run([*as_user, str(bin_ / "pg_ctl"), "-D", data, "-w", "-l", log, "-o", options, "start"], **quiet)
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        stop = [*as_user, str(bin_ / "pg_ctl"), "-D", data, "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)
