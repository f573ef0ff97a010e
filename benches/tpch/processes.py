"""Starts the `mooring` binary as the processes of a cluster, and ends them by their id."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20
POLL_S = 0.02
USER = "bench"


class ProcessFailed(Exception):
    pass


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """The environment of a child: ours without our own `MOORING__` settings, plus `settings`.

    A setting is named as in the configuration: `coordinator.mysql.listen`.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MOORING__")}
    ours = {"MOORING__" + k.upper().replace(".", "__"): str(v) for k, v in settings.items()}
    return inherited | ours


def run(binary: Path, arguments: Sequence[str], settings: Mapping[str, object], **variables: str) -> str:
    """Runs a command of the binary to its end and returns its standard output."""
    with tempfile.TemporaryDirectory() as folder:  # no mooring.toml of the caller's folder
        done = subprocess.run(
            [binary, *arguments], env=environment(settings) | variables, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
    if done.returncode != 0:
        raise ProcessFailed(f"`mooring {' '.join(arguments)}` exited with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Process:
    """One running role. `addresses` is what its ready file says."""

    def __init__(self, binary: Path, arguments: Sequence[str], settings: Mapping[str, object], folder: Path, name: str):
        self.name = name
        self.log = folder / f"{name}.log"
        ready_file = folder / f"{name}.ready"
        ready_file.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [binary, *arguments, "--ready-file", ready_file], env=environment(settings), cwd=folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end it
            )
        try:
            self.addresses = self._await_ready(ready_file)
        except BaseException:
            self.stop()
            raise

    def _await_ready(self, ready_file: Path) -> dict[str, str]:
        """The ready file appears at once and whole, so its existence is enough. The pause between
        two looks is a wait for the process to exit, which ends the waiting early."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not ready_file.exists():
            try:
                code = self.child.wait(POLL_S)
                raise ProcessFailed(f"{self.name} exited with {code} at its start:\n{self.log_tail()}")
            except subprocess.TimeoutExpired:
                pass
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} was not ready after {READY_TIMEOUT_S} s:\n{self.log_tail()}")
        return json.loads(ready_file.read_text())

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> int:
        """Asks for a graceful end, insists after a bound, and returns the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait()


class Cluster:
    """The all-in-one process, or with `workers` a coordinator and that many worker processes."""

    def __init__(self, binary: Path, folder: Path, workers: int = 0, settings: Mapping[str, object] | None = None):
        self.processes: list[Process] = []
        folder.mkdir(parents=True, exist_ok=True)
        every = {
            "state.folder": folder / "state",
            "cluster.secret": "a-secret-of-these-processes",
            **(settings or {}),
        }
        doors = {
            "coordinator.mysql.listen": "127.0.0.1:0",
            "coordinator.flight_sql.listen": "127.0.0.1:0",
            "coordinator.http.listen": "127.0.0.1:0",
            "coordinator.internal.listen": "127.0.0.1:0",
        }
        try:
            role = ["coordinator"] if workers else []
            first = Process(binary, role, {**every, **doors}, folder, "coordinator")
            self.processes.append(first)
            for number in range(1, workers + 1):
                # A worker has its own state folder: nothing may pass between roles by way of files.
                own = {**every, "state.folder": folder / f"worker{number}", "worker.listen": "127.0.0.1:0"}
                arguments = ["worker", "--coordinator", first.addresses["internal"]]
                self.processes.append(Process(binary, arguments, own, folder, f"worker{number}"))
        except BaseException:
            self.stop()
            raise
        host, port = first.addresses["mysql"].rsplit(":", 1)
        self.host, self.port = host, int(port)

    def stop(self) -> list[int]:
        return [process.stop() for process in reversed(self.processes)]

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def state_settings(folder: Path) -> dict[str, object]:
    """The settings under which `Cluster(binary, folder)` and the binary's commands share a state."""
    return {"state.folder": folder / "state"}


def load(binary: Path, folder: Path, scale: float, schema: str) -> None:
    """Writes the TPC-H tables of `scale` into the state of `folder`, and makes the user `bench`."""
    settings = state_settings(folder)
    run(binary, ["tpch", "load", "--scale", f"{scale:g}", "--into", f"lake.{schema}"], settings)
    run(binary, ["user", "add", USER, "--no-password"], settings)


def raise_on_terminate() -> None:
    """Lets SIGTERM unwind like Ctrl-C, so that `with` blocks end what they started."""
    def unwind(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, unwind)
