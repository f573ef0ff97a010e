"""Runs TPC-H against Mooring and its peers in one go, checks the answers, prints the ratios."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pymysql

import compare
import processes
import queries
from engines import PEERS, DuckDb, Engine, Mooring, Rows

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
# The queries that join or aggregate the large tables as a whole: no cluster may run them on one
# worker. Below this scale the tables are too small to be worth distributing.
SPREAD_QUERIES = (1, 5, 9, 18)
SPREAD_FROM_SCALE = 1


@dataclass
class Outcome:
    query: int
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str | None = None
    workers: int | None = None


def main() -> int:
    options = parse_options()
    processes.raise_on_terminate()
    with ExitStack() as stack:
        try:
            mooring, data = connect(options, stack)
            contest = Contest(options, mooring, data)
            outcomes = [contest.run(number) for number in options.queries]
        except (processes.ProcessFailed, pymysql.MySQLError, subprocess.CalledProcessError, FileNotFoundError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130
    report(outcomes, options)
    unspread = too_few_workers(outcomes, options)
    for line in unspread:
        print(line)
    if options.json:
        options.json.write_text(json.dumps(as_json(outcomes, options), indent=2) + "\n")
    right = sum(outcome.problem is None for outcome in outcomes)
    print(f"{right} of {len(outcomes)} answers right")
    print(totals(outcomes, options))
    return 0 if right == len(outcomes) and not unspread else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/tpch/run", description=__doc__)
    parser.add_argument("--scale", type=float, default=1, help="TPC-H scale factor (default 1)")
    parser.add_argument("--workers", type=int, default=0, help="worker processes beside a coordinator; 0: all in one process")
    parser.add_argument("--runs", type=int, default=3, help="runs per query and engine; the best one counts")
    parser.add_argument("--vs", default="duckdb,datafusion", help="peers: duckdb, datafusion; may be empty")
    parser.add_argument("--queries", default=",".join(map(str, queries.NUMBERS)), help="numbers, for example 1,5,9")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every engine (default: the cores of this process)")
    parser.add_argument("--distribute", action="store_true", help="distribute every query, however small")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--host", help="a running Mooring instead of one of our own")
    parser.add_argument("--port", type=int, default=3307)
    parser.add_argument("--user", default="root")
    parser.add_argument("--password-env", metavar="VAR", help="the environment variable that holds the password")
    parser.add_argument("--schema", help="the tables' schema in Mooring (default lake.sf<scale>)")
    parser.add_argument("--data", type=Path, help="the tables' Parquet files, as <folder>/<table>/*.parquet, for the peers (default: those of our own Mooring)")
    options = parser.parse_args()
    options.vs = [name for name in options.vs.split(",") if name]
    options.queries = [int(number) for number in options.queries.split(",")]
    if unknown := set(options.vs) - set(PEERS):
        parser.error(f"unknown peer {', '.join(unknown)}; known are {', '.join(PEERS)}")
    if not set(options.queries) <= set(queries.NUMBERS) or len(set(options.queries)) < len(options.queries):
        parser.error("--queries takes numbers from 1 to 22, each once")
    if options.runs < 1 or options.threads < 1 or options.workers < 0 or options.scale <= 0:
        parser.error("--runs and --threads are at least 1, --workers at least 0, --scale above 0")
    return options


def connect(options: argparse.Namespace, stack: ExitStack) -> tuple[Mooring, Path]:
    """A connection to Mooring, and the folder of the tables' files."""
    folder = CACHE / "bench" / queries.schema_name(options.scale)
    data = options.data or folder / "state" / "warehouse" / queries.schema_name(options.scale)
    schema = options.schema or f"lake.{queries.schema_name(options.scale)}"
    if options.host:
        if not data.is_dir():
            raise FileNotFoundError(f"`{data}` does not exist; --data names the folder of the Parquet files to check the answers with")
        password = os.environ[options.password_env] if options.password_env else ""
        return Mooring(options.host, options.port, options.user, password, schema, options.distribute), data
    binary = build()
    load_once(binary, folder, options.scale)
    # The workers share the cores that a peer has for itself.
    settings = {"engine.target_partitions": max(1, options.threads // max(1, options.workers))}
    cluster = stack.enter_context(processes.Cluster(binary, folder, options.workers, settings))
    return Mooring(cluster.host, cluster.port, processes.USER, "", schema, options.distribute), data


def build() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
    subprocess.run(
        ["cargo", "build", "--release", "-p", "mooring"], cwd=REPOSITORY, check=True,
        env=os.environ | {"CARGO_TARGET_DIR": str(target)},
    )
    return target / "release" / "mooring"


def load_once(binary: Path, folder: Path, scale: float) -> None:
    """Loads into a state folder of this scale's own. The marker is written last: a folder without
    it was interrupted and is made anew."""
    marker = folder / "loaded"
    if marker.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"loading TPC-H scale {scale:g} into {folder}", flush=True)
    processes.load(binary, folder, scale, queries.schema_name(scale))
    marker.touch()


class Contest:
    """Mooring, its peers, and the reference that knows the answers."""

    def __init__(self, options: argparse.Namespace, mooring: Mooring, data: Path):
        self.options = options
        self.mooring = mooring
        self.reference = DuckDb(data, options.threads)
        peers = [self.reference if name == DuckDb.name else PEERS[name](data, options.threads) for name in options.vs]
        self.engines: list[Engine] = [mooring, *peers]

    def run(self, number: int) -> Outcome:
        query = queries.query(number, self.options.scale)
        # The comment lets us find the query in Mooring's own history.
        tag = f"/* tpch q{number} of process {os.getpid()} */"
        outcome = Outcome(number)
        try:
            answers = self._time(f"{query.sql}\n{tag}", outcome)
            reference = self.reference.fetch(query.unlimited_sql)
            differences = (compare.difference(reference, rows, query.ordered_by, query.limit) for rows in answers)
            outcome.problem = next(filter(None, differences), None)
        except pymysql.MySQLError as error:
            outcome.problem = f"{type(error).__name__}: {error}"
        if self.options.workers:
            outcome.workers = self.mooring.workers_of(tag)
        print(f"q{number}: {outcome.problem or 'right'}", file=sys.stderr, flush=True)
        return outcome

    def _time(self, sql: str, outcome: Outcome) -> list[Rows]:
        """Mooring's answer of each run. The engines take turns in every run, so that noise of the
        machine hits all alike."""
        answers = []
        for _ in range(self.options.runs):
            for engine in self.engines:
                start = time.perf_counter()
                rows = engine.fetch(sql)
                elapsed = time.perf_counter() - start
                outcome.seconds[engine.name] = min(elapsed, outcome.seconds.get(engine.name, elapsed))
                if engine is self.mooring:
                    answers.append(rows)
        return answers


def report(outcomes: list[Outcome], options: argparse.Namespace) -> None:
    print(f"TPC-H scale {options.scale:g}, best of {options.runs}, {options.threads} threads, seconds")
    heads = ["query", "mooring", *options.vs, *(f"vs {name}" for name in options.vs), "workers", "ok?"]
    print("  ".join(f"{head:>12}" for head in heads))
    for outcome in outcomes:
        seconds = outcome.seconds
        cells = [f"q{outcome.query}"]
        cells += [f"{seconds[name]:.3f}" if name in seconds else "-" for name in ("mooring", *options.vs)]
        cells += [ratio(seconds.get("mooring"), seconds.get(name)) for name in options.vs]
        cells += ["-" if outcome.workers is None else str(outcome.workers)]
        cells += ["yes" if outcome.problem is None else "NO"]
        print("  ".join(f"{cell:>12}" for cell in cells))
    for outcome in outcomes:
        if outcome.problem:
            print(f"q{outcome.query} is wrong: {outcome.problem}")


def ratio(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.2f}" if ours and theirs else "-"


def too_few_workers(outcomes: list[Outcome], options: argparse.Namespace) -> list[str]:
    if not options.workers or not (options.distribute or options.scale >= SPREAD_FROM_SCALE):
        return []
    return [
        f"q{o.query} ran on {o.workers} of {options.workers} workers"
        for o in outcomes
        if o.query in SPREAD_QUERIES and o.workers != options.workers
    ]


def engine_totals(outcomes: list[Outcome], options: argparse.Namespace) -> dict[str, float]:
    """Over the queries that every engine ran: a sum that leaves one out would flatter it."""
    names = ["mooring", *options.vs]
    complete = [o.seconds for o in outcomes if all(name in o.seconds for name in names)]
    return {name: sum(seconds[name] for seconds in complete) for name in names}


def totals(outcomes: list[Outcome], options: argparse.Namespace) -> str:
    sums = engine_totals(outcomes, options)
    parts = [f"mooring {sums['mooring']:.2f} s"]
    parts += [f"{name} {sums[name]:.2f} s (mooring/{name} {ratio(sums['mooring'], sums[name])})" for name in options.vs]
    return "total: " + ", ".join(parts)


def as_json(outcomes: list[Outcome], options: argparse.Namespace) -> dict:
    return {
        "scale": options.scale, "workers": options.workers, "runs": options.runs, "threads": options.threads,
        "queries": [asdict(outcome) for outcome in outcomes], "totals": engine_totals(outcomes, options),
    }


if __name__ == "__main__":
    sys.exit(main())
