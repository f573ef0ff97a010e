"""Who reads lineitem: each takes every column of every row, and says how long that took."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pymysql

import processes
from database import PASSWORD, READER, Database
from postgresql_server import Postgres
from tpch_databases import SCHEMA, definitions

TABLE = f"{SCHEMA}.lineitem"
COLUMNS = re.findall(r"\b(l_\w+)", definitions()["lineitem"])
PEER = Path(__file__).with_name("peer.py")


class Unmeasured(Exception):
    """Why there is no figure."""


@dataclass
class Read:
    seconds: float
    rows: int
    # Of the reading process; none where only the server's work counts.
    peak_bytes: int | None = None


class Reader(Protocol):
    name: str
    connections: int

    def read(self) -> Read: ...


class Mooring:
    """A process of its own, whose one catalog `source` is the database."""

    name = "Mooring"
    # Each takes little of the processor, and needs every column: counts if these are not answered from less.
    SUMMARIES = ("count({0})", "max({0})")

    def __init__(self, binary: Path, source: Database, connections: int, threads: int, folder: Path, stack: ExitStack):
        self.source = source
        self.connections = connections
        folder.mkdir()
        folder.joinpath("mooring.toml").write_text(source.section("source", **catalog(source, connections)))
        processes.run(binary, ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        cluster = stack.enter_context(processes.Cluster(binary, folder, settings={"engine.target_partitions": threads}))
        self.process_id = cluster.processes[0].child.pid
        self.connection = stack.enter_context(
            pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True)
        )
        self.fetch("SET pushdown = off")
        self.sql = self._query_of_all_columns()

    def fetch(self, sql: str) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def read(self) -> Read:
        # Linux: the peak begins anew (proc(5), clear_refs).
        Path(f"/proc/{self.process_id}/clear_refs").write_text("5")
        start = time.perf_counter()
        rows = self.fetch(self.sql)[0][0]
        seconds = time.perf_counter() - start
        return Read(seconds, rows, memory_peak_bytes(self.process_id))

    def _query_of_all_columns(self) -> str:
        """By what the source itself was asked for: an engine may leave out what a summary does not need."""
        for summary in self.SUMMARIES:
            summaries = ", ".join(summary.format(column) for column in COLUMNS)
            sql = f"SELECT count(*), {summaries} FROM source.{TABLE}"
            self.source.forget_statements()
            [(rows, *_)] = self.fetch(sql)
            asked = self.source.statements()
            if sum(statement.rows for statement in asked if names_all_columns(statement.sql)) == rows:
                return sql
        raise Unmeasured(f"Mooring asked for less than all columns of all rows: {asked[:3]}")


def catalog(source: Database, connections: int) -> dict[str, object]:
    """What lets Mooring read by that many connections."""
    if isinstance(source, Postgres):
        return {"connections_max": connections + 1}  # one of them holds the snapshot
    if connections > 1:
        return {"connections_max": connections, "parallel_reads": "inconsistent"}
    return {}


def names_all_columns(sql: str) -> bool:
    return all(re.search(rf"\b{column}\b", sql) for column in COLUMNS)


def memory_peak_bytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10


class Peer:
    """A driver from PyPI."""

    def __init__(self, name: str, program: str, source: Database, connections: int):
        self.name = name
        self.connections = connections
        login = f"{READER}:{urllib.parse.quote(PASSWORD)}@{source.host}:{source.port}"
        database = source.DATABASE if isinstance(source, Postgres) else SCHEMA
        self.command = [
            sys.executable, str(PEER), program, f"{source.kind}://{login}/{database}",
            f"SELECT {', '.join(COLUMNS)} FROM {TABLE}", str(connections), "l_orderkey",
        ]

    def read(self) -> Read:
        done = subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unmeasured(f"{self.name}: {done.stderr.strip()[-300:]}")
        told = json.loads(done.stdout)
        if told["columns"] != len(COLUMNS):
            raise Unmeasured(f"{self.name} read {told['columns']} columns")
        return Read(told["seconds"], told["rows"], told["peak_bytes"])


class Copies:
    """psql, which looks at no byte of it: what PostgreSQL can send. Each connection has its pages."""

    name = "psql, binary COPY"

    def __init__(self, source: Postgres, connections: int):
        self.connections = connections
        self.source = source
        pages = int(source.run(f"SELECT pg_relation_size('{TABLE}') / current_setting('block_size')::int")[0][0])
        bounds = [pages * number // connections for number in range(connections)]
        self.rows = int(source.run(f"SELECT count(*) FROM {TABLE}")[0][0])
        self.commands = [
            source.client("--command", f"COPY (SELECT * FROM {TABLE} WHERE {condition}) TO STDOUT (FORMAT BINARY)")
            for condition in self._conditions(bounds)
        ]

    def _conditions(self, bounds: list[int]) -> Iterator[str]:
        for first, end in zip(bounds, [*bounds[1:], None]):
            yield f"ctid >= '({first},0)'" + ("" if end is None else f" AND ctid < '({end},0)'")

    def read(self) -> Read:
        start = time.perf_counter()
        copies = [
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in self.commands
        ]
        if any([copy.wait() for copy in copies]):
            raise Unmeasured(f"{self.name} failed")
        return Read(time.perf_counter() - start, self.rows)
