"""The measurements: each puts the same load on both engines and adds figures to the report."""

import json
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import processes
from report import Figure, Report, Target, at_least, below

SAMPLE_S = 0.05
IDLE_TARGET_MB = 200
SLOW_TARGET_MB = 64
CANCEL_TARGET_MS = 1000
# A client that does not end by itself within this is a fault of its own.
CLIENT_TIMEOUT_S = 900


class Refused(Exception):
    """The client could not measure; the text is the server's reason."""


@dataclass
class Engine:
    name: str
    host: str
    port: int
    process_id: int
    orders: str
    lineitem: str


class Client:
    """The load generator, `mooring-wire-bench`."""

    def __init__(self, binary: Path):
        self.binary = binary

    def command(self, engine: Engine, arguments: list[object]) -> list[str]:
        return [str(a) for a in (self.binary, "--address", f"{engine.host}:{engine.port}", "--user", processes.USER, *arguments)]

    def run(self, engine: Engine, *arguments: object) -> dict:
        done = subprocess.run(
            self.command(engine, list(arguments)), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, text=True, timeout=CLIENT_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)


class Measurements:
    def __init__(self, client: Client, report: Report):
        self.client = client
        self.report = report

    def attempt(self, what: str, engine: Engine, measure: Callable[[], dict]) -> dict:
        """The figures, or none and the reason in the report: one engine's refusal ends no run."""
        try:
            return measure()
        except (Refused, OSError, subprocess.TimeoutExpired) as error:
            self.report.reasons.append(f"-: {what}, {engine.name}: {error}")
            return {}

    def both(self, what: str, engines: list[Engine], *arguments: object) -> list[dict]:
        return [self.attempt(what, e, lambda: self.client.run(e, *in_engine(e, arguments))) for e in engines]

    def statements(self, what: str, engines: list[Engine], sql: str, connections: int, seconds: int, prepared: bool, target: Target | None) -> None:
        name = f"{what}, {connections} connection{'s' if connections > 1 else ''}"
        flags = ["--prepared"] if prepared else []
        ours, theirs = self.both(name, engines, "statements", "--sql", sql, "--connections", connections, "--seconds", seconds, *flags)
        self.report.add(Figure(name, "1/s", ours.get("per_second"), theirs.get("per_second"), target))
        slowest = Target("below 10 p50", lambda p99: p99 < 10 * ours["p50_us"])
        self.report.add(Figure("  p50", "us", ours.get("p50_us"), theirs.get("p50_us")))
        self.report.add(Figure("  p99", "us", ours.get("p99_us"), theirs.get("p99_us"), slowest))

    def rows(self, what: str, engines: list[Engine], runs: int, prepared: bool) -> None:
        flags = ["--prepared"] if prepared else []
        best: list[dict] = [{}, {}]
        for _ in range(runs):  # in turn, so that noise of the machine hits both alike
            for index, found in enumerate(self.both(what, engines, "rows", "--sql", "SELECT * FROM {lineitem}", *flags)):
                if not best[index] or found and found["seconds"] < best[index]["seconds"]:
                    best[index] = found
        ours, theirs = best
        self.report.add(Figure(f"{what}, rows", "1/s", per_second(ours, "rows"), per_second(theirs, "rows"), at_least_theirs(theirs)))
        self.report.add(Figure(f"{what}, bytes", "MB/s", per_second(ours, "bytes", 1e6), per_second(theirs, "bytes", 1e6)))

    def idle(self, engines: list[Engine], connections: int) -> None:
        what = f"{connections:,} idle connections, memory"
        ours, theirs = (self.attempt(what, e, lambda: self._idle_of(e, connections)) for e in engines)
        self.report.add(Figure(what, "MB", ours.get("mb"), theirs.get("mb"), below(IDLE_TARGET_MB)))

    def _idle_of(self, engine: Engine, connections: int) -> dict:
        before = resident_mb(engine.process_id)
        with subprocess.Popen(
            self.client.command(engine, ["idle", "--connections", connections]), stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True,
        ) as holder:
            # Its first line, or the end of its output: then it says why.
            opened = holder.stdout.readline()
            during = resident_mb(engine.process_id)
            _, errors = holder.communicate()  # ends its standard input, and so the client
        if not opened or holder.returncode != 0:
            raise Refused(errors.strip())
        return {"mb": during - before}

    def cancel(self, engine: Engine, sql: str, workers: list[int]) -> None:
        watched = [argument for process_id in workers for argument in ("--process", process_id)]
        for how, what in (("kill", "KILL QUERY"), ("vanish", "client vanishes")):
            found = self.attempt(
                what, engine,
                lambda: self.client.run(engine, "cancel", "--sql", sql, "--how", how, "--workers", len(workers), *watched),
            )
            self.report.add(Figure(f"{what}, until no task runs", "ms", found.get("tasks_end_ms"), target=below(CANCEL_TARGET_MS)))
            self.report.add(Figure("  until the workers' processors rest", "ms", found.get("rest_ms"), target=below(CANCEL_TARGET_MS)))

    def slow_reader(self, engines: list[Engine], megabytes_per_second: float) -> None:
        what = "slow reader of 10 million rows, memory"
        ours, theirs = (self.attempt(what, e, lambda: self._slow_reader_of(e, megabytes_per_second)) for e in engines)
        self.report.add(Figure(what, "MB", ours.get("mb"), theirs.get("mb"), below(SLOW_TARGET_MB)))

    def _slow_reader_of(self, engine: Engine, megabytes_per_second: float) -> dict:
        # A short answer to the same statement first: what a first query allocates for good is no
        # cost of the slow reader.
        twice = "SELECT * FROM {lineitem} UNION ALL SELECT * FROM {lineitem}"
        self.client.run(engine, *in_engine(engine, ("rows", "--sql", twice + " LIMIT 10000")))
        with PeakMemory(engine.process_id) as peak:
            self.client.run(engine, *in_engine(engine, ("rows", "--sql", twice, "--megabytes-per-second", megabytes_per_second)))
        return {"mb": peak.growth_mb}


def in_engine(engine: Engine, arguments: tuple[object, ...]) -> list[object]:
    """`{orders}` and `{lineitem}` as the engine names them."""
    names = {"{orders}": engine.orders, "{lineitem}": engine.lineitem}
    replaced = []
    for argument in arguments:
        for placeholder, name in names.items():
            argument = argument.replace(placeholder, name) if isinstance(argument, str) else argument
        replaced.append(argument)
    return replaced


def per_second(found: dict, what: str, unit: float = 1) -> float | None:
    return found[what] / found["seconds"] / unit if found else None


def at_least_theirs(theirs: dict) -> Target | None:
    least = per_second(theirs, "rows")
    return Target("at least MariaDB's", lambda value: value >= least) if least else None


def resident_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


class PeakMemory:
    """By how much a process's memory grew at most, looked at in short steps."""

    def __init__(self, process_id: int):
        self.process_id = process_id
        self.growth_mb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(resident_mb(process_id),))

    def _watch(self, before: float) -> None:
        while not self._ended.wait(SAMPLE_S):
            self.growth_mb = max(self.growth_mb, resident_mb(self.process_id) - before)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()
