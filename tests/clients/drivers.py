"""Every driver against Mooring, over TCP and TLS, beside a MariaDB that says what is right.

    drivers.py [--mariadb-only] [--no-tls] [NAME...]

A driver's program (in `drivers/`) runs the same checks with whatever server its environment names,
and prints one line for each, its fields separated by tabs:

    ok      CHECK
    failed  CHECK     TEXT
    value   PROTOCOL  CASE  FACET=TEXT ...

First it runs against MariaDB, which proves the program and gives the values; then against Mooring,
whose values have to be the same, except where `type_cases.DIFFERENCES` says why not.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pymysql

import type_cases
from driver_programs import DRIVERS, Driver
from mariadb_server import MariaDb
from server import binary, processes

# A program that hangs is ended: its slowest check waits 30 s for something that takes one.
PROGRAM_TIMEOUT_S = 150
PASSWORD = "correct horse; ünïcode"
CHECKS = ["right password", "wrong password", "current database", "five executions", "time limit", "cancel"]
# The database of a session, on both servers.
TPCH = "tpch.tiny"
# What a statement is found by in the process list.
MARKER = "runs_long"
PREPARED = (
    "SELECT CAST(? AS INT) AS a, CAST(? AS DECIMAL(10, 2)) AS b, CAST(? AS CHAR(20)) AS c, CAST(? AS DATE) AS d"
)
NULL = "\\N"
PARAMETERS = [
    ("1", "1.50", "one", "2024-01-01"),
    (NULL, "2.50", NULL, "2024-02-29"),
    ("3", NULL, "three", NULL),
    (NULL, NULL, NULL, NULL),
    ("-5", "-5.25", "fünf 🚢", "1999-12-31"),
]


@dataclass
class Server:
    """What a program is told of a server; `sql` is what MariaDB and Mooring spell differently."""

    host: str
    port: int
    tls: bool
    compress: bool
    database: str
    folder: Path
    sql: Mapping[str, str]

    def environment(self, user: str) -> dict[str, str]:
        told = {
            "HOST": self.host, "PORT": str(self.port), "TLS": "yes" if self.tls else "no",
            "COMPRESS": "yes" if self.compress else "no", "USER": user, "PASSWORD": PASSWORD,
            "DATABASE": self.database, "FOLDER": str(self.folder), "MARKER": MARKER, "PREPARED": PREPARED,
            **self.sql,
        }
        return os.environ | {f"MOORING_TEST_{name}": value for name, value in told.items()}


# How Mooring is reached: with TLS, with compression.
WAYS = [("TCP", False, False), ("TLS", True, False), ("compressed TCP", False, True)]

MARIADB_SQL = {
    "TYPES_DATABASE": type_cases.DATABASE,
    "LONG": f"SELECT count(*) AS {MARKER} FROM types.seq_1_to_1000000 a, types.seq_1_to_1000000 b WHERE a.seq * b.seq < 0",
    "LIMIT": "SET SESSION max_statement_time = 0.3",
    "LIMIT_ERROR": "1969",  # ER_STATEMENT_TIMEOUT, MariaDB's own
    "KEEPS_ORPHANS": "yes",  # it does not look whether the client of a query is still there
}
MOORING_SQL = {
    "TYPES_DATABASE": "lake.default",
    "LONG": f"SELECT count(*) AS {MARKER} FROM tpch.sf100.lineitem WHERE l_comment LIKE '%no such words%'",
    "LIMIT": "SET SESSION max_execution_time = 300",
    "LIMIT_ERROR": "3024",  # ER_QUERY_TIMEOUT of MySQL
    "KEEPS_ORPHANS": "no",
}


@dataclass
class Answers:
    """What a program printed."""

    passed: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    values: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def checks(self) -> set[str]:
        return {*self.passed, *(name for name, _ in self.failed)}


def run(driver: Driver, server: Server) -> Answers:
    if server.tls and not driver.cancels_in_clear:
        user = "encrypted"  # whom the server takes over TLS only
    else:
        user = "native" if driver.native_password else "driver"
    answers = Answers()
    try:
        done = subprocess.run(
            driver.command, env=server.environment(user), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PROGRAM_TIMEOUT_S,
        )
        code, printed = done.returncode, done.stdout
    except subprocess.TimeoutExpired as expired:
        code, printed = None, (expired.stdout or b"").decode(errors="replace")
    others = []
    for line in printed.splitlines():
        match line.split("\t"):
            case ["ok", check]:
                answers.passed.append(check)
            case ["failed", check, text]:
                answers.failed.append((check, text))
            case ["value", protocol, case, *facets]:
                facets = dict(facet.split("=", 1) for facet in facets)
                answers.values[protocol, case] = type_cases.comparable(facets)
            case _:
                others.append(line)
    missing = [check for check in CHECKS if check not in answers.checks()]
    if missing or (code != 0 and not answers.failed):
        what = "ran out of time" if code is None else f"exited with {code}"
        text = f"{what}, without {', '.join(missing) or 'nothing'}: " + " / ".join(others[-20:])
        answers.failed.append(("program", text))
    return answers


def missing_values(driver: Driver, answers: Answers, cases: list[type_cases.Case]) -> Iterator[str]:
    for protocol in driver.protocols:
        for case in cases:
            value = answers.values.get((protocol, case.name))
            if value is None or "error" in value:
                yield f"{protocol} {case.name}: {(value or {}).get('error', 'no value')}"


def differences(driver: Driver, right: Answers, answers: Answers) -> Iterator[str]:
    for (protocol, case), expected in right.values.items():
        actual = answers.values.get((protocol, case), {"error": "no value"})
        if "error" in actual:
            if type_cases.difference_of(driver.name, protocol, case, "error") is not None:
                continue
            yield f"{protocol} {case}: {actual['error']}"
            continue
        for facet in sorted(expected.keys() | actual.keys()):
            wanted, got = expected.get(facet), actual.get(facet)
            if wanted != got and type_cases.difference_of(driver.name, protocol, case, facet) is None:
                yield f"{protocol} {case}: {facet} is {shortened(got)}, on MariaDB {shortened(wanted)}"


def shortened(text: str | None) -> str:
    return repr(text) if text is None or len(text) <= 300 else f"{text[:300]!r}… of {len(text)}"


LINES_MAX = 20  # of one failed check


class Report:
    """One driver's lines, and their sum as tests/run reads it."""

    def __init__(self, driver: Driver):
        self.passed = self.failed = 0
        print(f"--- {driver.name}", flush=True)

    def add(self, name: str, failures: list[str]) -> None:
        if failures:
            self.failed += 1
            more = [f"… and {len(failures) - LINES_MAX} more"] if len(failures) > LINES_MAX else []
            print(f"FAILED: {name}", *failures[:LINES_MAX], *more, sep="\n    ")
        else:
            self.passed += 1
            print(f"ok: {name}")

    def add_checks(self, where: str, answers: Answers) -> None:
        for check in answers.passed:
            self.add(f"{where}: {check}", [])
        for check, text in answers.failed:
            self.add(f"{where}: {check}", [text])

    def end(self) -> bool:
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return self.failed == 0


def check(
    driver: Driver, mariadb: Server, mooring: Mapping[str, Server], cases: list[type_cases.Case], peer: MariaDb
) -> bool:
    report = Report(driver)
    right = run(driver, mariadb)
    peer.end_statements(MARKER)
    report.add_checks("MariaDB", right)
    report.add("MariaDB: every value", list(missing_values(driver, right, cases)))
    for where, server in mooring.items():
        answers = run(driver, server)
        report.add_checks(where, answers)
        for protocol in dict.fromkeys(protocol for protocol, _ in right.values):
            unlike = [line for line in differences(driver, right, answers) if line.startswith(f"{protocol} ")]
            report.add(f"{where}: types, {protocol}", unlike)
    return report.end()


def write_inputs(folder: Path, cases: list[tuple[str, str]]) -> Path:
    folder.mkdir()
    (folder / "cases.tsv").write_text("".join(f"{name}\t{sql}\n" for name, sql in cases))
    (folder / "parameters.tsv").write_text("".join("\t".join(row) + "\n" for row in PARAMETERS))
    return folder


def prepare_mariadb(server: MariaDb, cases: list[type_cases.Case]) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
        cursor.execute(f"CREATE DATABASE {type_cases.DATABASE}")
        for user, requirement in (("driver", ""), ("native", ""), ("encrypted", "REQUIRE SSL")):
            cursor.execute(f"CREATE USER {user}@'%%' IDENTIFIED BY %s {requirement}", (PASSWORD,))
            cursor.execute(f"GRANT ALL ON *.* TO {user}@'%'")
        for case in cases:
            for sql in case.mariadb_setup:
                cursor.execute(sql)
        cursor.execute(f"CREATE TABLE {type_cases.DATABASE}.all_types ({type_cases.all_columns('mariadb')})")
        server.make_tpch_tables(TPCH)


def add_users(folder: Path) -> None:
    for name, plugin in (("driver", "caching_sha2_password"), ("native", "mysql_native_password")):
        arguments = ["user", "add", name, "--password-env", "NEW_PASSWORD", "--plugin", plugin]
        processes.run(binary(), arguments, processes.state_settings(folder), NEW_PASSWORD=PASSWORD)


def prepare_mooring(cluster: processes.Cluster, data: Path) -> None:
    data.mkdir(exist_ok=True)
    (data / "empty.csv").touch()
    with pymysql.connect(host=cluster.host, port=cluster.port, user="root", ssl_disabled=True) as connection:
        with connection.cursor() as cursor:
            cursor.execute("DROP USER IF EXISTS encrypted")
            cursor.execute("CREATE USER encrypted IDENTIFIED BY %s REQUIRE SSL", (PASSWORD,))
            cursor.execute("DROP TABLE IF EXISTS lake.default.all_types")
            columns = type_cases.all_columns("mooring")
            cursor.execute(f"CREATE EXTERNAL TABLE lake.default.all_types ({columns}) STORED AS CSV LOCATION '{data}/'")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mariadb-only", action="store_true", help="prove the programs, without Mooring")
    parser.add_argument("--mariadb-tls", action="store_true", help="reach MariaDB over TLS")
    parser.add_argument("--mariadb-compressed", action="store_true", help="and with compression")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(driver.name for driver in DRIVERS)}")
    options = parser.parse_args()
    unknown = set(options.names) - {driver.name for driver in DRIVERS}
    if unknown:
        parser.error(f"no driver is called {', '.join(sorted(unknown))}")
    chosen = [driver for driver in DRIVERS if driver.name in options.names]
    if not chosen:
        chosen = [driver for driver in DRIVERS if driver.is_built()]
    processes.raise_on_terminate()
    cases = type_cases.read_cases()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mariadb_inputs = write_inputs(folder / "for-mariadb", [(case.name, case.mariadb) for case in cases])
        mooring_inputs = write_inputs(folder / "for-mooring", [(case.name, case.mooring) for case in cases])
        with MariaDb(tls=True) as peer:
            prepare_mariadb(peer, cases)
            mariadb = Server(peer.host, peer.port, options.mariadb_tls, options.mariadb_compressed, TPCH, mariadb_inputs, MARIADB_SQL)
            if options.mariadb_only:
                return 0 if all([check(driver, mariadb, {}, cases, peer) for driver in chosen]) else 1
            add_users(folder / "mooring")
            well = True
            for driver in chosen:
                # A server for each: the first login of a user is another than the second.
                with processes.Cluster(binary(), folder / "mooring") as cluster:
                    prepare_mooring(cluster, folder / "all_types")
                    mooring = {
                        where: Server(cluster.host, cluster.port, tls, compress, TPCH, mooring_inputs, MOORING_SQL)
                        for where, tls, compress in WAYS
                        if driver.compresses or not compress
                    }
                    passed = check(driver, mariadb, mooring, cases, peer)
                    if not passed:
                        print(f"--- log of the server\n{cluster.processes[0].log_tail()}")
                    if (code := cluster.processes[0].child.poll()) is not None:
                        print(f"the server has ended with {code}\n0 passed, 1 failed", flush=True)
                        passed = False
                    well &= passed
            return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
