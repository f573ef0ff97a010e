"""A database server of our own, which a test may stop, hold, kill and start again.

A server comes back at the port that it had. What the reader, who is in the catalog's properties, asks of it is kept by
the server itself and read by `statements`.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from certificates import write_certificate
from listening import HOST, free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
# For what a server is about to do.
AWAIT_TIMEOUT_S = 60
POLL_S = 0.05
READER = "reader"
PASSWORD = "it only reads"
# What reads from tables, and not from those that tell about tables.
SETTINGS = r"(set\s+statement\b.*?\bfor\b)?"
READS = re.compile(rf"^\s*{SETTINGS}\s*\(*\s*(copy|select|with|table|prepare|fetch)\b.*\bfrom\b", re.IGNORECASE | re.DOTALL)
READS_CATALOG = re.compile(r"\b(from|join)\s+\W?(information_schema|pg_|mysql\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One that the server executed for the reader, and how many rows it sent."""

    sql: str
    rows: int


class Database:
    """Runs over a data folder of its own: made anew, or a copy of `data`. `settings` are the server's. With `tls` it has
    a certificate, and clients choose.

    `postgresql_server.py` and `mariadb_server.py` say how each is started and asked. `run` is SQL of the administrator.
    """

    kind: str
    host = HOST

    def __init__(self, data: Path | None = None, settings: Mapping[str, object] | None = None, tls: bool = False):
        # The path of a socket is at most 107 bytes long, and PostgreSQL's own user enters the folder.
        self.scratch = tempfile.TemporaryDirectory(prefix=self.kind[:2])
        self.folder = Path(self.scratch.name)
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.settings = dict(settings or {})
        self.certificate, self.key = write_certificate(self.folder) if tls else (None, None)
        self.port = free_port()
        self.child: subprocess.Popen | None = None
        self.held: list[int] = []
        try:
            if data is None:
                self._make()
            else:
                subprocess.run(["cp", "--archive", "--reflink=auto", data, self.data], check=True)
            self.start()
        except BaseException:
            self.close()
            raise

    @classmethod
    def version(cls) -> tuple[int, ...]:
        """Of the server that is installed."""
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self._command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, **self._identity(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.child.wait(POLL_S)
                raise RuntimeError(f"{self.kind} exited with {code}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.kind} took no login in {START_TIMEOUT_S} s:\n{self.log_tail()}")

    def stop(self) -> None:
        """As its administrator would, without waiting for clients. `start` goes on with the data."""
        self.resume()
        if self.child is not None:
            self.child.send_signal(self._stop_signal)
            try:
                self.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self.child = None

    def close(self) -> None:
        self.stop()
        self.scratch.cleanup()

    def kill(self) -> None:
        """All of its processes, at once."""
        for process in self._hold():
            os.kill(process, signal.SIGKILL)
        self.held = []
        self.child.wait()
        self.child = None

    def pause(self) -> None:
        """Its processes live, and take no step; the kernel goes on taking connections for them."""
        self.held = self._hold()

    def resume(self) -> None:
        for process in self.held:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self.held = []

    def _hold(self) -> list[int]:
        """The first process before the others: it starts none after that."""
        processes = [self.child.pid]
        os.kill(self.child.pid, signal.SIGSTOP)
        for child in children(self.child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                processes.append(child)
        return processes

    def section(self, name: str, **more: object) -> str:
        """A catalog of the configuration."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": name, **self.properties(), **more}.items()]
        return "\n".join(["[[catalog]]", *lines, ""])

    def properties(self) -> dict[str, object]:
        return {
            "using": self.kind, "host": self.host, "port": self.port, "user": READER, "password": PASSWORD, "tls": "disable",
        }

    def statements(self) -> list[Statement]:
        """What the reader read from tables since `forget_statements`; it is not answered while it executes one."""
        eventually(lambda: self.busy() == 0)
        return [one for one in self._statements() if READS.match(one.sql) and not READS_CATALOG.search(one.sql)]

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def eventually(holds: Callable[[], bool], timeout_s: float = AWAIT_TIMEOUT_S) -> None:
    """Asks again and again: servers tell nobody what they are doing."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s")


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The name, in brackets, may hold anything.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def told_version(command: str) -> tuple[int, ...]:
    """What a server's program says of itself."""
    told = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+(?:\.\d+)+)", told)[1].split("."))
