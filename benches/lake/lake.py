"""Measures how long Mooring and DuckDB plan over 10, 1,000 and 100,000 small Parquet files, and prints the ratios."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import boto3
import duckdb
import pymysql

import files
import processes
import moto_server
from engines import SCHEMA, DuckDb, Mooring

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
FILES = (10, 1_000, 100_000)
# moto holds what it is given in memory, and answers slowly.
S3_FILES_MAX = 1_000
BUCKET = "small-files"
HEADS = ("where", "layout", "files", "query", "", "Mooring ms", "DuckDB ms", "ratio", "requests of Mooring")


class WrongAnswer(Exception):
    pass


@dataclass
class Figure:
    where: str
    layout: str
    files: int
    query: str
    # The first time in a process, or again.
    when: str
    mooring_ms: float
    duckdb_ms: float | None
    requests: dict[str, int] = field(default_factory=dict)

    def cells(self) -> list[str]:
        ratio = "-" if self.duckdb_ms is None else f"{self.mooring_ms / self.duckdb_ms:.3g}"
        theirs = "-" if self.duckdb_ms is None else f"{self.duckdb_ms:,.1f}"
        requests = ", ".join(f"{count:,} {operation}" for operation, count in sorted(self.requests.items())) or "none"
        return [self.where, self.layout, f"{self.files:,}", self.query, self.when, f"{self.mooring_ms:,.1f}", theirs, ratio, requests]


class Bench:
    def __init__(self, options: argparse.Namespace, binary: Path, scratch: Path):
        self.options = options
        self.binary = binary
        self.scratch = scratch
        self.figures: list[Figure] = []
        # Why a `-` stands where a figure is due.
        self.reasons: set[str] = set()

    def measure(self, where: str, tables: list[files.Table], settings: dict[str, object], endpoint: str | None) -> None:
        folder = self.scratch / where
        settings = settings | {"engine.target_partitions": self.options.threads}
        processes.run(self.binary, ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))

        def mooring() -> Mooring:
            return Mooring(self.binary, folder, settings)

        def duckdb_() -> DuckDb:
            return DuckDb(self.options.threads, endpoint)

        with mooring() as engine:
            engine.fetch(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            for table in tables:
                engine.create(table)
        for table in tables:
            for name, query in table.queries.items():
                print(f"{where}, {table.layout}, {table.files:,} files, {name}", file=sys.stderr, flush=True)
                ours = self.explain(mooring, table, query)
                try:
                    theirs = self.explain(duckdb_, table, query)
                except duckdb.Error as error:
                    theirs = None
                    self.reasons.add(f"DuckDB, {where}: {str(error).splitlines()[0]}")
                if theirs and ours.answer != theirs.answer:
                    raise WrongAnswer(f"{table.name}, {name}: Mooring answers {ours.answer}, DuckDB {theirs.answer}")
                for when in ("first", "again"):
                    self.figures.append(Figure(
                        where, table.layout, table.files, name, when, ours.median_ms(when),
                        theirs.median_ms(when) if theirs else None, ours.requests[when],
                    ))

    def explain(self, start: Callable[[], Mooring | DuckDb], table: files.Table, query: str) -> "Explained":
        """The first time in each of several processes, and again in the last of them, which then answers it too."""
        explained = Explained()
        for run in range(self.options.runs):
            with start() as engine:
                sql = query.format(engine.source(table))
                engine.fetch("SELECT 1")
                explained.time(engine, sql, "first")
                if run + 1 < self.options.runs:
                    continue
                for _ in range(self.options.repeats):
                    explained.time(engine, sql, "again")
                explained.answer = engine.fetch(sql)
        return explained


@dataclass
class Explained:
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"first": [], "again": []})
    # Of the last time.
    requests: dict[str, dict[str, int]] = field(default_factory=dict)
    answer: list[tuple] = field(default_factory=list)

    def time(self, engine: Mooring | DuckDb, sql: str, when: str) -> None:
        before = engine.requests() if isinstance(engine, Mooring) else Counter()
        start = time.perf_counter()
        engine.fetch(f"EXPLAIN {sql}")
        self.seconds[when].append(time.perf_counter() - start)
        if isinstance(engine, Mooring):
            self.requests[when] = dict(engine.requests() - before)

    def median_ms(self, when: str) -> float:
        return statistics.median(self.seconds[when]) * 1000


def main() -> int:
    options = parse_options()
    processes.raise_on_terminate()
    try:
        with ExitStack() as stack:
            bench = run(options, stack)
    except (processes.ProcessFailed, WrongAnswer, pymysql.MySQLError, subprocess.CalledProcessError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    report(bench, options)
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in bench.figures], indent=2) + "\n")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/lake/run", description=__doc__)
    parser.add_argument("--mooring", type=Path, help="a binary, instead of building it")
    parser.add_argument("--files", default=",".join(map(str, FILES)), help=f"how many, of {','.join(map(str, FILES))}")
    parser.add_argument("--only", default="local,s3", help="local or s3; from S3 tables of at most 1,000 files are read")
    parser.add_argument("--runs", type=int, default=3, help="processes whose first plan counts; the median is shown")
    parser.add_argument("--repeats", type=int, default=5, help="plans after the first; the median is shown")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both engines (default: the cores of this process)")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    options.only = [where for where in options.only.split(",") if where]
    options.files = [int(number) for number in options.files.split(",")]
    if not set(options.only) <= {"local", "s3"} or not set(options.files) <= set(FILES):
        parser.error("--only takes local and s3, --files takes 10, 1000 and 100000")
    if min(options.runs, options.repeats, options.threads) < 1:
        parser.error("--runs, --repeats and --threads are at least 1")
    return options


def run(options: argparse.Namespace, stack: ExitStack) -> Bench:
    binary = (options.mooring or build()).resolve()
    tables = [table for number in options.files for table in files.make(CACHE, number)]
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lake")))
    bench = Bench(options, binary, scratch)
    if "local" in options.only:
        bench.measure("local", tables, {}, None)
    if "s3" in options.only:
        endpoint = stack.enter_context(moto_server.run())
        remote = upload(endpoint, [table for table in tables if table.files <= S3_FILES_MAX])
        bench.measure("s3", remote, moto_server.lake_settings(endpoint), endpoint)
    return bench


def build() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
    subprocess.run(
        ["cargo", "build", "--release", "-p", "mooring"], cwd=REPOSITORY, check=True,
        env=os.environ | {"CARGO_TARGET_DIR": str(target)},
    )
    return target / "release" / "mooring"


def upload(endpoint: str, tables: list[files.Table]) -> list[files.Table]:
    """The same tables in a bucket."""
    client = boto3.client("s3", endpoint_url=endpoint, region_name=moto_server.REGION, **moto_server.KEYS)
    client.create_bucket(Bucket=BUCKET)
    for table in tables:
        print(f"uploading {table.name}", file=sys.stderr, flush=True)
        for file in sorted(Path(table.root).rglob("*.parquet")):
            client.put_object(Bucket=BUCKET, Key=f"{table.name}/{file.relative_to(table.root)}", Body=file.read_bytes())
    return [replace(table, root=f"s3://{BUCKET}/{table.name}") for table in tables]


def report(bench: Bench, options: argparse.Namespace) -> None:
    print(
        f"EXPLAIN, medians of {options.runs} processes (first) and {options.repeats} repetitions (again), "
        f"{options.threads} threads, DuckDB {duckdb.__version__}"
    )
    rows = [list(HEADS), *(figure.cells() for figure in bench.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        cells = [cell.rjust(width) if 5 <= place <= 7 or place == 2 else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    for reason in sorted(bench.reasons):
        print(reason)


if __name__ == "__main__":
    sys.exit(main())
