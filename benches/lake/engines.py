"""The two engines: each is started anew, so that nothing is remembered, and explains a query."""

import re
import urllib.request
from collections import Counter
from pathlib import Path

import duckdb
import pymysql

import processes
import moto_server
from files import Table

SCHEMA = "lake.small"


class Mooring:
    name = "Mooring"

    def __init__(self, binary: Path, folder: Path, settings: dict[str, object]):
        self.cluster = processes.Cluster(binary, folder, settings=settings)
        try:
            self.connection = pymysql.connect(
                host=self.cluster.host, port=self.cluster.port, user=processes.USER, ssl_disabled=True,
            )
        except BaseException:
            self.cluster.stop()
            raise

    def __enter__(self) -> "Mooring":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.connection.close()
        self.cluster.stop()

    def fetch(self, sql: str) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def create(self, table: Table) -> None:
        partitions = " PARTITIONED BY (p INT)" if table.layout == "partitioned" else ""
        root = table.root if table.root.startswith("s3://") else f"file://{table.root}"
        # Its columns are declared: to find them is not planning.
        self.fetch(
            f"CREATE EXTERNAL TABLE {SCHEMA}.{table.name} (id BIGINT, name VARCHAR, amount DOUBLE) "
            f"STORED AS PARQUET{partitions} LOCATION '{root}/'"
        )

    def source(self, table: Table) -> str:
        return f"{SCHEMA}.{table.name}"

    def requests(self) -> Counter[str]:
        """What it asked of storage since its start, by operation."""
        address = self.cluster.processes[0].addresses["http"]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        counts: Counter[str] = Counter()
        for operation, count in re.findall(r'^mooring_storage_requests_total\{operation="(\w+)".*\} (\d+)$', text, re.MULTILINE):
            counts[operation] += int(count)
        return counts


class DuckDb:
    name = "DuckDB"

    def __init__(self, threads: int, s3_endpoint: str | None):
        self.connection = duckdb.connect()
        self.connection.execute(f"SET threads = {threads}")
        if s3_endpoint:
            keys = moto_server.KEYS
            # Not installed by us: it would be taken from a server of DuckDB's own.
            self.connection.execute("LOAD httpfs")
            self.connection.execute(
                f"CREATE SECRET (TYPE s3, KEY_ID '{keys['aws_access_key_id']}', SECRET '{keys['aws_secret_access_key']}', "
                f"REGION '{moto_server.REGION}', ENDPOINT '{s3_endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)"
            )

    def __enter__(self) -> "DuckDb":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.connection.close()

    def fetch(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def source(self, table: Table) -> str:
        return f"read_parquet('{table.pattern}', hive_partitioning = {str(table.layout == 'partitioned').lower()})"
