"""Measures full reads of lineitem from PostgreSQL and MariaDB by Mooring and by others, and a selective join of a lake table
with a PostgreSQL table; prints the ratios."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import pymysql

import bench
import processes
import queries
import tpch_databases
from database import Database
from readers import TABLE, Copies, Mooring, Peer, Reader, Unmeasured

SOURCES = ("postgresql", "mysql")
# Issue 5, "It is done when".
OF_PEER_MIN = 1.0
OF_LIMIT_MIN = 0.8
# The database in its best state: what is read is in its memory.
SETTINGS = {
    "postgresql": {"shared_buffers": "4GB"},
    "mysql": {"innodb-buffer-pool-size": "3G"},
}
# What lineitem is joined by, and whether the keys of the orders can be a condition on that: on an expression that is
# computed here they cannot, and all rows come.
KEYS = {"with": ("l.l_orderkey", "on"), "without": ("l.l_orderkey + 0", "off")}
# Orders of one clerk, and some of them: these are few enough to be sent as a list.
JOINS = {
    "about 50 keys": "o.o_clerk = 'Clerk#000000223' AND o.o_orderdate < DATE '1992-04-01'",
    "about 1,500 keys": "o.o_clerk = 'Clerk#000000223'",
}


class WrongAnswer(Exception):
    pass


@dataclass
class Figure:
    """The best of the runs, and the largest of the peaks."""

    source: str
    reader: str
    connections: int
    rows: int = 0
    seconds: float | None = None
    peak_bytes: int | None = None

    @property
    def rows_per_second(self) -> float | None:
        return self.rows / self.seconds if self.seconds else None


@dataclass
class Join:
    orders: str
    # With or without.
    dynamic_filters: str
    seconds: float
    rows_sent: int


class Bench:
    def __init__(self, options: argparse.Namespace, binary: Path, scratch: Path):
        self.options = options
        self.binary = binary
        self.scratch = scratch
        self.figures: list[Figure] = []
        self.joins: list[Join] = []
        # Why a `-` stands where a figure is due.
        self.reasons: list[str] = []

    def full_reads(self, source: Database) -> None:
        with ExitStack() as stack:
            readers = self.readers(source, stack)
            figures = [Figure(source.kind, reader.name, reader.connections) for reader in readers]
            # They take turns, so that noise of the machine hits all alike.
            for run in range(self.options.runs):
                for reader, figure in zip(readers, figures):
                    print(f"{source.kind}, run {run + 1}: {reader.name}, {reader.connections}", file=sys.stderr, flush=True)
                    self.read(reader, figure)
            self.figures += figures
        if len(counts := {figure.rows for figure in figures if figure.seconds}) > 1:
            raise WrongAnswer(f"{source.kind}: readers found {sorted(counts)} rows")

    def readers(self, source: Database, stack: ExitStack) -> list[Reader]:
        readers: list[Reader] = []
        for connections in (1, 2):
            folder = self.scratch / f"{source.kind}{connections}"
            try:
                readers.append(Mooring(self.binary, source, connections, self.options.threads, folder, stack))
            except Unmeasured as reason:
                self.reasons.append(f"Mooring, {source.kind}, {connections}: {reason}")
        if source.kind == "postgresql":
            readers.append(Peer("ADBC driver", "adbc", source, 1))
        readers += [Peer("connectorx", "connectorx", source, connections) for connections in (1, 2)]
        if source.kind == "postgresql":
            readers += [Copies(source, connections) for connections in (1, 2)]
        return readers

    def read(self, reader: Reader, figure: Figure) -> None:
        try:
            read = reader.read()
        except Unmeasured as reason:
            if str(reason) not in self.reasons:
                self.reasons.append(str(reason))
            return
        figure.rows = read.rows
        figure.seconds = min(read.seconds, figure.seconds or read.seconds)
        if read.peak_bytes is not None:
            figure.peak_bytes = max(read.peak_bytes, figure.peak_bytes or 0)

    def selective_joins(self, source: Database, loaded: Path) -> None:
        folder = self.scratch / "join"
        folder.mkdir()
        folder.joinpath("mooring.toml").write_text(source.section("source"))
        processes.run(self.binary, ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        settings = {"engine.target_partitions": self.options.threads}
        files = loaded / "state" / "warehouse" / queries.schema_name(self.options.scale) / "orders"
        with processes.Cluster(self.binary, folder, settings=settings) as cluster, pymysql.connect(
            host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True,
        ) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE EXTERNAL TABLE lake.default.orders STORED AS PARQUET LOCATION 'file://{files}/'")
            for orders, condition in JOINS.items():
                answers = {self.join(source, cursor, orders, condition, way) for way in KEYS}
                if len(answers) > 1:
                    raise WrongAnswer(f"with and without dynamic filters: {answers}")

    def join(self, source: Database, cursor: pymysql.cursors.Cursor, orders: str, condition: str, way: str) -> tuple:
        key, pushdown = KEYS[way]
        sql = (
            "SELECT count(*), sum(l.l_extendedprice) FROM lake.default.orders o "
            f"JOIN source.{TABLE} l ON {key} = o.o_orderkey WHERE {condition}"
        )
        cursor.execute(f"SET pushdown = {pushdown}")
        best = None
        for _ in range(self.options.runs):
            source.forget_statements()
            start = time.perf_counter()
            cursor.execute(sql)
            [answer] = cursor.fetchall()
            elapsed = time.perf_counter() - start
            best = min(elapsed, best or elapsed)
        sent = sum(statement.rows for statement in source.statements())
        self.joins.append(Join(orders, way, best, sent))
        return answer

    def rate(self, source: str, reader: str, connections: int) -> float:
        rates = [f.rows_per_second for f in self.figures if (f.source, f.reader, f.connections) == (source, reader, connections)]
        return next((rate for rate in rates if rate), 0.0)

    def targets(self) -> list[str]:
        lines = []
        for source in self.options.sources:
            ours = self.rate(source, Mooring.name, 1)
            peer = max(self.rate(source, name, 1) for name in ("ADBC driver", "connectorx"))
            lines.append(target(f"{source}, one connection: Mooring / the better peer", ours, peer, OF_PEER_MIN))
        if "postgresql" in self.options.sources:
            limit = self.rate("postgresql", Copies.name, 2)
            lines.append(target(
                "postgresql, two connections: Mooring / two COPYs", self.rate("postgresql", Mooring.name, 2), limit, OF_LIMIT_MIN,
            ))
        return lines


def target(what: str, ours: float, theirs: float, least: float) -> str:
    if not ours or not theirs:
        return f"{what}: not measured (target {least:g})"
    ratio = ours / theirs
    return f"{what}: {ratio:.2f} (target {least:g}: {'met' if ratio >= least else 'MISSED'})"


def main() -> int:
    options = parse_options()
    processes.raise_on_terminate()
    try:
        with ExitStack() as stack:
            done = run(options, stack)
    except (
        processes.ProcessFailed, WrongAnswer, pymysql.MySQLError, subprocess.CalledProcessError, OSError, RuntimeError,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    report(done)
    if options.json:
        told = {"full": [asdict(figure) for figure in done.figures], "joins": [asdict(join) for join in done.joins]}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/federation/run", description=__doc__)
    parser.add_argument("--mooring", type=Path, help="a binary, instead of building it")
    parser.add_argument("--scale", type=float, default=1, help="TPC-H scale factor (default 1)")
    parser.add_argument("--sources", default=",".join(SOURCES), help=f"of {','.join(SOURCES)}")
    parser.add_argument("--only", default="full,join", help="full reads, the selective join, or both")
    parser.add_argument("--runs", type=int, default=3, help="of each; the best one counts")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of Mooring (default: the cores of this process)")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    options.sources = [name for name in options.sources.split(",") if name]
    options.only = [name for name in options.only.split(",") if name]
    if not set(options.sources) <= set(SOURCES) or not set(options.only) <= {"full", "join"}:
        parser.error("--sources takes postgresql and mysql, --only takes full and join")
    if options.runs < 1 or options.threads < 1 or options.scale <= 0:
        parser.error("--runs and --threads are at least 1, --scale above 0")
    return options


def run(options: argparse.Namespace, stack: ExitStack) -> Bench:
    binary = (options.mooring or bench.build()).resolve()
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="federation")))
    done = Bench(options, binary, scratch)
    start = {"postgresql": tpch_databases.postgres, "mysql": tpch_databases.mariadb}
    for kind in options.sources:
        # One after the other: the other one would be in the way.
        with start[kind](options.scale, SETTINGS[kind]) as source:
            if "full" in options.only:
                done.full_reads(source)
            if "join" in options.only and kind == "postgresql":
                loaded = bench.CACHE / "bench" / queries.schema_name(options.scale)
                bench.load_once(binary, loaded, options.scale)
                done.selective_joins(source, loaded)
    return done


def report(done: Bench) -> None:
    options = done.options
    if done.figures:
        print(f"full read of lineitem, scale {options.scale:g}, best of {options.runs}, {options.threads} threads")
        show(["source", "reader", "connections", "seconds", "rows/s", "peak MiB"], [
            [
                figure.source, figure.reader, str(figure.connections),
                f"{figure.seconds:.2f}" if figure.seconds else "-",
                f"{figure.rows_per_second:,.0f}" if figure.seconds else "-",
                f"{figure.peak_bytes >> 20:,}" if figure.peak_bytes else "-",
            ]
            for figure in done.figures
        ])
        print("\n".join(done.targets()))
    if done.joins:
        print("\norders in the lake joined with lineitem in PostgreSQL")
        show(["orders", "dynamic filters", "seconds", "rows that PostgreSQL sent"], [
            [join.orders, join.dynamic_filters, f"{join.seconds:.3f}", f"{join.rows_sent:,}"] for join in done.joins
        ])
        for one, other in zip(done.joins[::2], done.joins[1::2]):
            print(f"{one.orders}: {one.dynamic_filters} / {other.dynamic_filters} {one.seconds / other.seconds:.2f}")
    for reason in done.reasons:
        print(reason)


def show(heads: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows)]
    for row in [heads, *rows]:
        print("  ".join(cell.rjust(width) if place > 1 else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths))).rstrip())


if __name__ == "__main__":
    sys.exit(main())
