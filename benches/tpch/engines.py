"""The engines that are compared: each answers a query with all of its rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import duckdb
import pymysql
import pymysql.cursors

import queries

Rows = Sequence[Sequence[object]]


class Engine(Protocol):
    name: str

    def fetch(self, sql: str) -> Rows: ...


class Mooring:
    name = "mooring"

    def __init__(self, host: str, port: int, user: str, password: str, schema: str, distribute: bool):
        self.connection = pymysql.connect(
            host=host, port=port, user=user, password=password, cursorclass=pymysql.cursors.SSCursor,
            ssl_disabled=True,
        )
        self._execute(f"USE {schema}")
        if distribute:
            self._execute("SET distributed_bytes_per_partition = 1")

    def fetch(self, sql: str) -> Rows:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def _execute(self, sql: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def workers_of(self, tag: str) -> int:
        """How many distinct workers ran tasks of the queries whose text holds `tag`."""
        statements = self.fetch("SELECT query_id, statement FROM system.runtime.queries")
        tagged = {query_id for query_id, statement in statements if tag in statement}
        tasks = self.fetch("SELECT query_id, worker FROM system.runtime.tasks")
        return len({worker for query_id, worker in tasks if query_id in tagged})


class DuckDb:
    name = "duckdb"

    def __init__(self, data: Path, threads: int):
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads = {threads}")
        for table in queries.TABLES:
            files = data / table / "*.parquet"
            self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}')")

    def fetch(self, sql: str) -> Rows:
        return self.connection.execute(sql).fetchall()


class DataFusion:
    name = "datafusion"

    def __init__(self, data: Path, threads: int):
        import datafusion

        config = datafusion.SessionConfig().with_target_partitions(threads)
        self.context = datafusion.SessionContext(config)
        for table in queries.TABLES:
            self.context.register_parquet(table, str(data / table))

    def fetch(self, sql: str) -> Rows:
        batches = self.context.sql(sql).collect()
        return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


PEERS = {DuckDb.name: DuckDb, DataFusion.name: DataFusion}
