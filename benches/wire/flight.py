"""20 million rows through Mooring's doors, and from a bare arrow-flight server that reads the same files."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import processes
from measure import CLIENT_TIMEOUT_S, Client, Engine, Refused
from report import print_table

TABLE = "lake.default.lineitem"
SQL = f"SELECT * FROM {TABLE}"
# Mooring's default, and what the bare server is told.
BATCH_ROWS = 16_384
# Issue 6, "It is done when".
OF_BARE_MIN = 0.8
# Which way of reading text is faster depends on the files: the better one is the limit.
BARE, BARE_VIEWS = "bare arrow-flight server", "the same, text read as views"
FLIGHT_SQL, MYSQL_TEXT, MYSQL_BINARY = "Flight SQL", "MySQL, text", "MySQL, binary"


@dataclass
class Reader:
    name: str
    # Of the server.
    process_id: int
    read: Callable[[], dict]
    # Of the run that took the least time.
    rows: int = 0
    # As the clients count them: of Arrow's messages, or of MySQL's packets.
    bytes: int = 0
    seconds: float | None = None
    # Of the server's process.
    processor_seconds: float = 0

    def measure(self) -> None:
        before = processor_seconds(self.process_id)
        found = self.read()
        if self.seconds is None or found["seconds"] < self.seconds:
            self.rows, self.bytes, self.seconds = found["rows"], found["bytes"], found["seconds"]
            self.processor_seconds = processor_seconds(self.process_id) - before

    @property
    def rows_per_second(self) -> float | None:
        return self.rows / self.seconds if self.seconds else None

    def as_json(self) -> dict:
        return {name: value for name, value in asdict(self).items() if name not in ("read", "process_id")}


class FlightClient:
    """`mooring-flight-bench read`: the same program for both servers."""

    def __init__(self, binary: Path):
        self.binary = binary

    def run(self, address: str, *arguments: str) -> dict:
        done = subprocess.run(
            [self.binary, "read", "--address", address, *arguments],
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE, text=True, timeout=CLIENT_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)


class BareServer:
    """`mooring-flight-bench serve`; ends with its standard input."""

    def __init__(self, binary: Path, files: list[Path], threads: int, *flags: str):
        self.child = subprocess.Popen(
            [binary, "serve", "--threads", str(threads), "--batch-rows", str(BATCH_ROWS), *flags, *files],
            stdin=PIPE, stdout=PIPE, text=True,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end it
        )
        first = self.child.stdout.readline()
        if not first:
            self.stop()
            raise processes.ProcessFailed(f"the bare server ended with {self.child.returncode}")
        self.address = json.loads(first)["address"]

    def stop(self) -> None:
        self.child.stdin.close()
        try:
            self.child.wait(processes.STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def __enter__(self) -> "BareServer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


@dataclass
class Contest:
    mooring: Path
    client: Client
    # Both ends of Flight.
    flight: Path
    # All files of one folder.
    files: list[Path]
    runs: int
    # Whether the client makes arrays of what it counts.
    arrays: bool

    def readers(self, cluster: processes.Cluster, bare: BareServer, views: BareServer) -> list[Reader]:
        first = cluster.processes[0]
        engine = Engine("Mooring", cluster.host, cluster.port, first.child.pid, "", TABLE)
        self.client.run(engine, "rows", "--sql", f"CREATE EXTERNAL TABLE {TABLE} STORED AS PARQUET LOCATION 'file://{self.files[0].parent}/'")
        arrow = FlightClient(self.flight)
        ours = (first.addresses["flight_sql"], "--sql", SQL, "--user", processes.USER)
        sent = arrow.run(*ours, "--arrays")
        for server in (bare, views):
            check(arrow.run(server.address, "--arrays"), sent)
        arrays = ["--arrays"] if self.arrays else []
        return [
            Reader(BARE, bare.child.pid, lambda: arrow.run(bare.address, *arrays)),
            Reader(BARE_VIEWS, views.child.pid, lambda: arrow.run(views.address, *arrays)),
            Reader(FLIGHT_SQL, engine.process_id, lambda: arrow.run(*ours, *arrays)),
            Reader(MYSQL_TEXT, engine.process_id, lambda: self.client.run(engine, "rows", "--sql", SQL)),
            Reader(MYSQL_BINARY, engine.process_id, lambda: self.client.run(engine, "rows", "--sql", SQL, "--prepared")),
        ]


@dataclass
class Doors:
    """What was measured."""

    readers: list[Reader]
    runs: int
    threads: int
    # Why a `-` stands where a figure is due.
    reasons: list[str]

    def of(self, name: str) -> float:
        return next((reader.rows_per_second or 0.0 for reader in self.readers if reader.name == name), 0.0)

    def limit(self) -> float:
        return max(self.of(BARE), self.of(BARE_VIEWS))

    def print(self) -> None:
        rows = max(reader.rows for reader in self.readers)
        print(f"{rows:,} rows of lineitem, best of {self.runs}, {self.threads} threads of each server")
        limit = self.limit()
        print_table([
            ["", "seconds", "rows/s", "MB/s", "of bare", "server's CPU s"],
            *(cells(reader, limit) for reader in self.readers),
        ])
        print(target("rows: Flight SQL / the faster bare server", self.of(FLIGHT_SQL), limit, OF_BARE_MIN))
        for protocol in (name for name in (MYSQL_TEXT, MYSQL_BINARY) if self.of(name)):
            print(f"rows: Flight SQL / {protocol}: {self.of(FLIGHT_SQL) / self.of(protocol):.2f}")
        for reason in self.reasons:
            print(reason)

    def as_json(self) -> dict:
        return {"readers": [reader.as_json() for reader in self.readers], "reasons": self.reasons}


def measure(contest: Contest, folder: Path) -> Doors:
    folder.mkdir()
    processes.run(contest.mooring, ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
    threads = len(os.sched_getaffinity(0))
    settings = {"engine.target_partitions": threads, "engine.batch_size_rows": BATCH_ROWS}
    with (
        processes.Cluster(contest.mooring, folder, settings=settings) as cluster,
        BareServer(contest.flight, contest.files, threads) as bare,
        BareServer(contest.flight, contest.files, threads, "--views") as views,
    ):
        readers = contest.readers(cluster, bare, views)
        return Doors(readers, contest.runs, threads, in_turn(readers, contest.runs))


def in_turn(readers: list[Reader], runs: int) -> list[str]:
    """So that noise of the machine hits all alike. Answers why some could not be measured."""
    reasons = []
    for run in range(runs):
        for reader in readers:
            print(f"run {run + 1}: {reader.name}", flush=True)
            try:
                reader.measure()
            except (Refused, OSError, subprocess.TimeoutExpired) as error:
                reasons.append(f"-: {reader.name}: {error}")
    if len(counts := {reader.rows for reader in readers if reader.seconds}) > 1:
        raise processes.ProcessFailed(f"the readers found {sorted(counts)} rows")
    return reasons


def check(bare: dict, ours: dict) -> None:
    """Both send the same columns of the same rows, or a ratio would say nothing. Also fills the system's cache of files."""
    for what in ("columns", "rows"):
        if bare[what] != ours[what]:
            raise processes.ProcessFailed(f"{what} of the bare server: {bare[what]}, of Mooring: {ours[what]}")


def linked_files(folder: Path, source: Path, copies: int) -> list[Path]:
    """Each file of a table under several names, which take no space."""
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for copy in range(copies):
        for file in sorted(source.glob("*.parquet")):
            links.append(folder / f"{copy}-{file.name}")
            if not links[-1].exists():
                os.link(file, links[-1])
    return links


def processor_seconds(process_id: int) -> float:
    # After the name, which may hold spaces; the 14th and 15th of proc(5)'s fields.
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cells(reader: Reader, limit: float) -> list[str]:
    if not reader.seconds:
        return [reader.name, "-", "-", "-", "-", "-"]
    of_limit = f"{reader.rows_per_second / limit:.2f}" if limit else "-"
    megabytes = reader.bytes / reader.seconds / 1e6
    return [
        reader.name, f"{reader.seconds:.2f}", f"{reader.rows_per_second:,.0f}", f"{megabytes:,.0f}", of_limit,
        f"{reader.processor_seconds:.1f}",
    ]


def target(what: str, ours: float, theirs: float, least: float) -> str:
    if not ours or not theirs:
        return f"{what}: not measured (target {least:g})"
    ratio = ours / theirs
    return f"{what}: {ratio:.2f} (target {least:g}: {'met' if ratio >= least else 'MISSED'})"
