"""Measures Mooring's MySQL door beside MariaDB's, and its Flight SQL door beside a bare arrow-flight server, and prints the ratios."""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import flight
import mariadb
import measure
import processes
from report import Report, at_least

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
PARTS = ("statements", "rows", "idle", "cancel", "slow", "flight")
TINY_SCALE = 0.01
# 5 million rows of lineitem, and half of the slow reader's 10 million.
LINEITEM_SCALE = 0.84
# Each file of lineitem so often: 20 million rows.
FLIGHT_COPIES = 4
IDLE_CONNECTIONS = 5_000
CONNECTIONS_MAX = IDLE_CONNECTIONS + 500
WORKERS = 2
POINT_QUERY = "SELECT * FROM {orders} WHERE o_orderkey = ?"
# Several stages; runs for most of a minute if it is let.
LONG_QUERY = (
    "SELECT l_shipmode, o_orderpriority, sum(l_extendedprice * (1 - l_discount)), count(DISTINCT l_comment) "
    "FROM tpch.sf10.lineitem JOIN tpch.sf10.orders ON l_orderkey = o_orderkey GROUP BY l_shipmode, o_orderpriority"
)


def main() -> int:
    options = parse_options()
    processes.raise_on_terminate()
    # Both servers and the client hold thousands of sockets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    report = Report()
    try:
        with ExitStack() as stack:
            doors = run(options, report, stack)
    except (processes.ProcessFailed, measure.Refused, subprocess.CalledProcessError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    if report.figures:
        report.print()
    if doors:
        doors.print()
    if options.json:
        told = report.as_json() | ({"flight": doors.as_json()} if doors else {})
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/wire/run", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts to run, of {','.join(PARTS)}")
    parser.add_argument("--seconds", type=int, default=5, help="per statement, engine and number of connections")
    parser.add_argument("--connections", default="1,16,256", help="how many at once")
    parser.add_argument("--runs", type=int, default=2, help="readings of lineitem per engine and protocol; the best one counts")
    parser.add_argument("--scale", type=float, default=LINEITEM_SCALE, help="of lineitem, in steps of 0.01; the default makes 5 million rows")
    parser.add_argument("--slow-megabytes-per-second", type=float, default=50, help="how fast the slow reader reads")
    parser.add_argument("--flight-copies", type=int, default=FLIGHT_COPIES, help="how often `flight` reads each file of lineitem; the default makes 20 million rows")
    parser.add_argument("--flight-arrays", action="store_true", help="let the Flight client make arrays of what it counts")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--mooring", type=Path, help="a binary, instead of building it")
    parser.add_argument("--client", type=Path, help="the MySQL client's binary, instead of building it")
    parser.add_argument("--flight-client", type=Path, help="the binary of the Flight client and of the bare server, instead of building it")
    options = parser.parse_args()
    options.only = [part for part in options.only.split(",") if part]
    options.connections = [int(number) for number in options.connections.split(",")]
    if unknown := set(options.only) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known are {', '.join(PARTS)}")
    if min(*options.connections, options.seconds, options.runs, options.flight_copies) < 1 or options.scale <= 0:
        parser.error("--connections, --seconds, --runs and --flight-copies are at least 1, --scale above 0")
    return options


def run(options: argparse.Namespace, report: Report, stack: ExitStack) -> flight.Doors | None:
    mooring, client, flight_client = binaries(options)
    folder = load_once(mooring, options.scale)
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wire")))
    client = measure.Client(client)
    if set(options.only) - {"flight"}:
        beside_mariadb(options, mooring, measure.Measurements(client, report), folder, scratch)
    if "flight" not in options.only:
        return None
    links, lineitem = folder / f"flight{options.flight_copies}", folder / "state" / "warehouse" / "wire" / "lineitem"
    files = flight.linked_files(links, lineitem, options.flight_copies)
    return flight.measure(flight.Contest(mooring, client, flight_client, files, options.runs, options.flight_arrays), scratch / "flight")


def beside_mariadb(options: argparse.Namespace, mooring: Path, measurements: measure.Measurements, folder: Path, scratch: Path) -> None:
    mariadb.install()
    with mariadb.MariaDb(scratch, CONNECTIONS_MAX) as peer:
        theirs = measure.Engine("MariaDB", peer.host, peer.port, peer.child.pid, "tiny.orders", "wire.lineitem")
        print(f"MariaDB {peer.version()}, {len(os.sched_getaffinity(0))} cores for server and client, lineitem of scale {options.scale:g}", flush=True)

        settings = {"coordinator.mysql.connections_max": CONNECTIONS_MAX}
        with processes.Cluster(mooring, folder, settings=settings) as cluster:
            ours = engine_of(cluster)
            both = [ours, theirs]
            copy_rows(measurements.client, ours, peer, scratch, options)
            if "statements" in options.only:
                for_all_connections(measurements, both, options)
            if "rows" in options.only:
                measurements.rows("lineitem, text", both, options.runs, prepared=False)
                measurements.rows("lineitem, binary", both, options.runs, prepared=True)
        if "idle" in options.only:
            # A process of its own: what other parts have used and given back would be taken for less.
            with processes.Cluster(mooring, folder, settings=settings) as cluster:
                progress("idle connections")
                measurements.idle([engine_of(cluster), theirs], IDLE_CONNECTIONS)
        if {"cancel", "slow"} & set(options.only):
            with processes.Cluster(mooring, folder, WORKERS) as cluster:
                ours = engine_of(cluster)
                if "cancel" in options.only:
                    progress("cancellation")
                    measurements.cancel(ours, LONG_QUERY, [process.child.pid for process in cluster.processes[1:]])
                if "slow" in options.only:
                    progress("slow reader")
                    measurements.slow_reader([ours, theirs], options.slow_megabytes_per_second)


def for_all_connections(measurements: measure.Measurements, engines: list[measure.Engine], options: argparse.Namespace) -> None:
    kinds = (
        ("SELECT 1", "SELECT 1", False, at_least(30_000)),
        ("point query, text", POINT_QUERY, False, at_least(2_000, hoped=10_000)),
        ("point query, prepared", POINT_QUERY, True, at_least(2_000, hoped=10_000)),
    )
    for what, sql, prepared, target in kinds:
        for connections in options.connections:
            progress(f"{what}, {connections} connections")
            # The targets of the throughput are those with 16 connections.
            measurements.statements(what, engines, sql, connections, options.seconds, prepared, target if connections == 16 else None)


def progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def engine_of(cluster: processes.Cluster) -> measure.Engine:
    return measure.Engine("Mooring", cluster.host, cluster.port, cluster.processes[0].child.pid, "lake.tiny.orders", "lake.wire.lineitem")


def binaries(options: argparse.Namespace) -> list[Path]:
    """Of Mooring, of the MySQL client, and of both ends of `flight`. What is missing is built at once, so that all of it shares
    what it depends on."""
    given = [
        ("mooring", "mooring", options.mooring),
        ("mooring-wire-bench", "mooring-wire-bench", options.client),
        ("mooring-wire-bench", "mooring-flight-bench", options.flight_client),
    ]
    target = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "target")
    if packages := {package for package, _, binary in given if not binary}:
        arguments = [argument for package in sorted(packages) for argument in ("-p", package)]
        subprocess.run(
            ["cargo", "build", "--release", *arguments], cwd=REPOSITORY, check=True,
            env=os.environ | {"CARGO_TARGET_DIR": str(target)},
        )
    return [(binary or target / "release" / name).resolve() for _, name, binary in given]


def load_once(binary: Path, scale: float) -> Path:
    """A state folder with `lake.tiny` and `lake.wire`. The marker is written last: a folder without
    it was interrupted and is made anew."""
    folder = CACHE / "bench" / f"wire{scale:g}"
    marker = folder / "loaded"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"loading TPC-H scale {TINY_SCALE:g} and {scale:g} into {folder}", flush=True)
        processes.load(binary, folder, TINY_SCALE, "tiny")
        load = ["tpch", "load", "--scale", f"{scale:g}", "--into", "lake.wire"]
        processes.run(binary, load, processes.state_settings(folder))
        marker.touch()
    return folder


def copy_rows(client: measure.Client, ours: measure.Engine, peer: mariadb.MariaDb, scratch: Path, options: argparse.Namespace) -> None:
    """What Mooring answers goes into MariaDB's tables, row for row."""
    tables = [(ours.orders, "tiny.orders")]
    if {"rows", "slow"} & set(options.only):
        tables.append((ours.lineitem, "wire.lineitem"))
    for source, table in tables:
        progress(f"loading {table} into MariaDB")
        file = scratch / "rows.tsv"
        copied = client.run(ours, "rows", "--sql", f"SELECT * FROM {source}", "--into", file)["rows"]
        loaded = peer.load(table, file)
        file.unlink()
        if loaded != copied:
            raise processes.ProcessFailed(f"MariaDB has {loaded} rows of {table}, Mooring {copied}")


if __name__ == "__main__":
    sys.exit(main())
