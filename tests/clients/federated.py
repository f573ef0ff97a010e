"""A Mooring over several sources, as the tests of federation have it."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pymysql

from server import binary, processes

# For an answer of Mooring: far above every time-out of a catalog.
ANSWER_TIMEOUT_S = 120


@dataclass
class Mooring:
    cluster: processes.Cluster

    def connect(self, database: str | None = None) -> pymysql.Connection:
        return pymysql.connect(
            host=self.cluster.host, port=self.cluster.port, user=processes.USER, database=database, ssl_disabled=True,
            read_timeout=ANSWER_TIMEOUT_S,
        )

    @contextlib.contextmanager
    def session(self) -> Iterator["Session"]:
        with self.connect() as connection:
            yield Session(connection)

    def rows(self, sql: str) -> list[tuple]:
        """In a session of its own."""
        with self.session() as session:
            return session.rows(sql)


@dataclass
class Session:
    connection: pymysql.Connection

    def rows(self, sql: str) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


@contextlib.contextmanager
def mooring(*sections: str, workers: int = 0, settings: Mapping[str, object] | None = None) -> Iterator[Mooring]:
    """With the catalogs of these sections of its configuration."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("mooring.toml").write_text("\n".join(sections))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        with processes.Cluster(binary(), folder, workers, settings) as cluster:
            yield Mooring(cluster)
