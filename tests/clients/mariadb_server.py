"""A MariaDB that a test does anything to."""

import contextlib
import getpass
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pymysql

from database import PASSWORD, READER, Database, Statement, eventually, told_version
from listening import HOST


class MariaDb(Database):
    """The administrator is `root`, without a password."""

    kind = "mysql"
    _stop_signal = signal.SIGTERM
    SETTINGS = {
        "character-set-server": "utf8mb4", "collation-server": "utf8mb4_bin", "default-time-zone": "+00:00",
        "secure-file-priv": "", "max-allowed-packet": "128M", "innodb-flush-log-at-trx-commit": 2,
        "innodb-flush-method": "nosync", "skip-name-resolve": "ON",
        "slow-query-log": "ON", "long-query-time": 0, "log-output": "TABLE",
    }

    @classmethod
    def version(cls) -> tuple[int, ...]:
        return told_version("mariadbd")

    def _make(self) -> None:
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--user={self._user()}", f"--datadir={self.data}",
             f"--tmpdir={self.folder}", "--skip-test-db", "--auth-root-authentication-method=normal"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db exited with {done.returncode}:\n{done.stdout}")

    def _user(self) -> str:
        """The server is root only where it is told to be."""
        return "root" if os.geteuid() == 0 else getpass.getuser()

    def _socket(self) -> Path:
        return self.folder / "socket"

    def _identity(self) -> dict[str, object]:
        return {}

    def _program(self) -> list[str]:
        return ["mariadbd", "--no-defaults"]

    def _command(self) -> list[str]:
        # A server that starts empties its folder of temporary tables, whoever uses that, too.
        places = {
            "datadir": self.data, "tmpdir": self.folder, "port": self.port, "bind-address": HOST, "socket": self._socket(),
            "pid-file": self.folder / "pid", "user": self._user(),
        }
        tls = {"ssl-cert": self.certificate, "ssl-key": self.key} if self.certificate else {"ssl": "OFF"}
        settings = {**self.SETTINGS, **self.settings, **places, **tls}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [*self._program(), *options]

    def _answers(self) -> bool:
        if not self._socket().exists():
            return False  # pymysql would forget to close its end
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def connect(self, user: str | None = None, **more: object) -> pymysql.Connection:
        """The administrator by the socket."""
        if user:
            login = {"host": HOST, "port": self.port, "user": user, "password": PASSWORD}
        else:
            login = {"unix_socket": str(self._socket()), "user": "root"}
        return pymysql.connect(**login, ssl_disabled=True, autocommit=True, charset="utf8mb4", **more)

    def run(self, sql: str) -> list[tuple]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def url(self) -> str:
        """By which the administrator comes."""
        return f"mysql://root@{self.host}:{self.port}"

    def make_reader(self) -> None:
        with self.session() as session:
            session.run(f"CREATE USER {READER}@'%' IDENTIFIED BY '{PASSWORD}'")
            session.run(f"GRANT SELECT, SHOW VIEW ON *.* TO {READER}@'%'")

    def busy(self) -> int:
        return self._count("command NOT IN ('Sleep', 'Killed')")

    def waiting(self) -> int:
        return self._count("state LIKE 'Waiting for%lock'")

    def reading(self, table: str) -> int:
        return self._count(f"command <> 'Sleep' AND info LIKE '%{table}%'")

    def _count(self, condition: str) -> int:
        return self.run(f"SELECT count(*) FROM information_schema.processlist WHERE user = '{READER}' AND {condition}")[0][0]

    def forget_statements(self) -> None:
        self.run("TRUNCATE mysql.slow_log")

    def _statements(self) -> Iterator[Statement]:
        for sql, rows in self.run(f"SELECT sql_text, rows_sent FROM mysql.slow_log WHERE user_host LIKE '{READER}[%'"):
            yield Statement(sql.decode() if isinstance(sql, bytes) else sql, rows)

    def end_connections(self) -> None:
        """Of the reader."""
        with contextlib.suppress(pymysql.MySQLError):  # there may be none
            self.run(f"KILL HARD USER {READER}")
        eventually(lambda: self._count("TRUE") == 0)

    def end_statements(self, marker: str) -> None:
        """Ends what a program left behind: MariaDB does not look whether a client is still there."""
        with self.session() as session:
            for row in session.run("SHOW FULL PROCESSLIST"):
                if marker in str(row[7]):
                    session.run(f"KILL {row[0]}")

    def make_tpch_tables(self, database: str) -> None:
        """The tables of TPC-H without rows."""
        with self.session() as session:
            session.run(f"CREATE DATABASE `{database}`")
            session.run(f"USE `{database}`")
            for line in (Path(__file__).parent / "tpch_tables.sql").read_text().splitlines()[1:]:
                session.run(line)

    @contextlib.contextmanager
    def session(self, user: str | None = None) -> Iterator["MariaDbSession"]:
        """A connection that stays."""
        connection = self.connect(user)
        try:
            yield MariaDbSession(connection)
        finally:
            with contextlib.suppress(pymysql.MySQLError):
                connection.close()


class MariaDbSession:
    def __init__(self, connection: pymysql.Connection):
        self.connection = connection

    def run(self, sql: str) -> list[tuple]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
