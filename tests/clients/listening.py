"""Servers that have to be told their port: a free one, and until they listen at it."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"
POLL_S = 0.1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def await_listener(child: subprocess.Popen, port: int, timeout_s: float, log: Path | None = None) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = child.wait(POLL_S)
            said = log.read_text()[-2000:] if log else ""
            raise RuntimeError(f"{child.args[0]} exited with {code}: {said}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{child.args[0]} did not listen in {timeout_s} s")
