"""PostgreSQL and MariaDB as sources: servers of our own, which a test may stop, hold, kill and start again.

A server comes back at the port that it had. What the reader, who is in the catalog's properties, asks of it is kept by
the server itself and read by `statements`.
"""

import contextlib
import csv
import getpass
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pymysql

from listening import HOST, free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
# For what a server is about to do.
AWAIT_TIMEOUT_S = 60
POLL_S = 0.05
READER = "reader"
PASSWORD = "it only reads"
# What reads from tables, and not from those that tell about tables.
READS = re.compile(r"^\s*\(*\s*(copy|select|with|table|prepare|fetch)\b.*\bfrom\b", re.IGNORECASE | re.DOTALL)
READS_CATALOG = re.compile(r"\b(from|join)\s+\W?(information_schema|pg_|mysql\b)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One that the server executed for the reader, and how many rows it sent."""

    sql: str
    rows: int


class Database:
    """A server over a data folder of its own: made anew, or a copy of `data`. `settings` are the server's."""

    kind: str
    host = HOST

    def __init__(self, data: Path | None = None, settings: Mapping[str, object] | None = None):
        # The path of a socket is at most 107 bytes long, and PostgreSQL's own user enters the folder.
        self.scratch = tempfile.TemporaryDirectory(prefix=self.kind[:2])
        self.folder = Path(self.scratch.name)
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.settings = dict(settings or {})
        self.port = free_port()
        self.child: subprocess.Popen | None = None
        self.held: list[int] = []
        try:
            if data is None:
                self._make()
            else:
                subprocess.run(["cp", "--archive", "--reflink=auto", data, self.data], check=True)
            self.start()
            if data is None:
                self.make_reader()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self._command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, **self._identity(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.child.wait(POLL_S)
                raise RuntimeError(f"{self.kind} exited with {code}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.kind} took no login in {START_TIMEOUT_S} s:\n{self.log_tail()}")

    def shut_down(self) -> None:
        """As its administrator would, without waiting for clients."""
        self.resume()
        if self.child is not None:
            self.child.send_signal(self._stop_signal)
            try:
                self.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
            self.child = None

    def stop(self) -> None:
        self.shut_down()
        self.scratch.cleanup()

    def kill(self) -> None:
        """All of its processes, at once."""
        for process in self._hold():
            os.kill(process, signal.SIGKILL)
        self.held = []
        self.child.wait()
        self.child = None

    def pause(self) -> None:
        """Its processes live, and take no step; the kernel goes on taking connections for them."""
        self.held = self._hold()

    def resume(self) -> None:
        for process in self.held:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self.held = []

    def _hold(self) -> list[int]:
        """The first process before the others: it starts none after that."""
        processes = [self.child.pid]
        os.kill(self.child.pid, signal.SIGSTOP)
        for child in children(self.child.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)
                processes.append(child)
        return processes

    def section(self, name: str, **more: object) -> str:
        """A catalog of the configuration."""
        lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": name, **self.properties(), **more}.items()]
        return "\n".join(["[[catalog]]", *lines, ""])

    def properties(self) -> dict[str, object]:
        return {
            "using": self.kind, "host": self.host, "port": self.port, "user": READER, "password": PASSWORD, "tls": "disable",
        }

    def statements(self) -> list[Statement]:
        """What the reader read from tables since `forget_statements`; it is not answered while it executes one."""
        eventually(lambda: self.busy() == 0)
        return [one for one in self._statements() if READS.match(one.sql) and not READS_CATALOG.search(one.sql)]

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


class Postgres(Database):
    """The administrator is `postgres`, by the socket; others come with a password."""

    kind = "postgresql"
    user = "postgres"
    DATABASE = "postgres"
    # "Fast shutdown", PostgreSQL's manual, section 19.5.
    _stop_signal = signal.SIGINT
    SETTINGS = {
        "fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "max_wal_size": "8GB",
        "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top", "timezone": "UTC",
    }

    def _make(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        # Text sorts here as it does for most: by a language, not by its bytes.
        collation = ["--locale-provider=icu", "--icu-locale=en-US"] if server_version("postgres") >= (15,) else []
        done = subprocess.run(
            [program("initdb"), f"--pgdata={self.data}", f"--username={self.user}", "--encoding=UTF8", "--locale=C",
             *collation, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            **self._identity(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb exited with {done.returncode}:\n{done.stdout}")

    def _identity(self) -> dict[str, object]:
        """The server refuses to be root; where we are somebody else, it is who we are."""
        if os.geteuid() != 0:
            return {}
        shutil.chown(self.folder, self.user)
        return {"user": self.user, "group": self.user, "extra_groups": []}

    def _command(self) -> list[str]:
        places = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": self.folder}
        settings = {**self.SETTINGS, **self.settings, **places}
        return [program("postgres"), "-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())]

    def _answers(self) -> bool:
        return self._psql("SELECT 1").returncode == 0

    def _psql(self, sql: str) -> subprocess.CompletedProcess:
        return subprocess.run(self.client("--csv", "--tuples-only"), input=sql, capture_output=True, text=True)

    def client(self, *more: str, user: str | None = None) -> list[str]:
        """The command line of psql: the administrator by the socket."""
        login = [f"--host={HOST}", f"--username={user}"] if user else [f"--host={self.folder}", f"--username={self.user}"]
        return [
            program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--port={self.port}", *login,
            f"--dbname={self.DATABASE}", *more,
        ]

    def run(self, sql: str) -> list[tuple[str, ...]]:
        """The rows as psql writes them; NULL is the empty text."""
        done = self._psql(sql)
        if done.returncode != 0:
            raise RuntimeError(f"PostgreSQL refused: {done.stderr.strip()}")
        return [tuple(row) for row in csv.reader(io.StringIO(done.stdout))]

    def make_reader(self) -> None:
        self.run(
            f"CREATE EXTENSION pg_stat_statements; CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'; "
            f"GRANT pg_read_all_data TO {READER}"
        )

    def properties(self) -> dict[str, object]:
        return super().properties() | {"database": self.DATABASE}

    def busy(self) -> int:
        """How many statements of the reader are executed now."""
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND state = 'active'"
        return int(self.run(sql)[0][0])

    def waiting(self) -> int:
        """How many statements of the reader wait for a lock."""
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND wait_event_type = 'Lock'"
        return int(self.run(sql)[0][0])

    def reading(self, table: str) -> int:
        sql = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}' AND state = 'active' AND query LIKE '%{table}%'"
        return int(self.run(sql)[0][0])

    def forget_statements(self) -> None:
        self.run("SELECT pg_stat_statements_reset()")

    def _statements(self) -> Iterator[Statement]:
        # Of one that was executed several times, its rows are counted at the first.
        for sql, calls, rows in self.run(
            f"SELECT query, calls, rows FROM pg_stat_statements WHERE userid = '{READER}'::regrole"
        ):
            yield Statement(sql, int(rows))
            yield from [Statement(sql, 0)] * (int(calls) - 1)

    def end_connections(self) -> None:
        """Of the reader."""
        self.run(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{READER}'")

    @contextlib.contextmanager
    def session(self, user: str | None = None) -> Iterator["PsqlSession"]:
        """A connection that stays."""
        session = PsqlSession(self.client("--tuples-only", "--no-align", user=user), PASSWORD)
        try:
            yield session
        finally:
            session.close()


class PsqlSession:
    DONE = "-- done --"

    def __init__(self, command: Sequence[str], password: str):
        self.child = subprocess.Popen(
            command, env=os.environ | {"PGPASSWORD": password}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )

    def run(self, sql: str) -> list[str]:
        """The lines that psql prints."""
        with contextlib.suppress(BrokenPipeError):  # it says why
            self.child.stdin.write(f"{sql};\n\\echo {self.DONE}\n")
            self.child.stdin.flush()
        printed = []
        for line in self.child.stdout:
            if line.strip() == self.DONE:
                return printed
            printed.append(line.rstrip("\n"))
        raise RuntimeError("\n".join(printed))

    def close(self) -> None:
        self.child.kill()
        with contextlib.suppress(BrokenPipeError):
            self.child.communicate()


class MariaDb(Database):
    """The administrator is `root`, by the socket."""

    kind = "mysql"
    _stop_signal = signal.SIGTERM
    SETTINGS = {
        "character-set-server": "utf8mb4", "collation-server": "utf8mb4_general_ci", "default-time-zone": "+00:00",
        "secure-file-priv": "", "innodb-flush-log-at-trx-commit": 2, "innodb-flush-method": "nosync",
        "slow-query-log": "ON", "long-query-time": 0, "log-output": "TABLE",
    }

    def _user(self) -> str:
        return "root" if os.geteuid() == 0 else getpass.getuser()

    def _make(self) -> None:
        done = subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--user={self._user()}", f"--datadir={self.data}", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mariadb-install-db exited with {done.returncode}:\n{done.stdout}")

    def _identity(self) -> dict[str, object]:
        return {}

    def _command(self) -> list[str]:
        places = {
            "datadir": self.data, "port": self.port, "bind-address": HOST, "socket": self.folder / "socket",
            "pid-file": self.folder / "pid", "user": self._user(),
        }
        settings = {**self.SETTINGS, **self.settings, **places}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return ["mariadbd", "--no-defaults", "--skip-name-resolve", "--skip-ssl", *options]

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True

    def connect(self, user: str | None = None) -> pymysql.Connection:
        if user:
            login = {"host": HOST, "port": self.port, "user": user, "password": PASSWORD}
        else:
            login = {"unix_socket": str(self.folder / "socket"), "user": "root"}
        return pymysql.connect(**login, ssl_disabled=True, autocommit=True, charset="utf8mb4")

    def run(self, sql: str) -> list[tuple]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

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


def eventually(holds, timeout_s: float = AWAIT_TIMEOUT_S) -> None:
    """Asks again and again: servers tell nobody what they are doing."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s")


def children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # The name, in brackets, may hold anything.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def program(name: str) -> str:
    """Of the newest PostgreSQL here: Debian keeps its programs off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return str(folders[-1] / name) if folders else name


def server_version(name: str) -> tuple[int, ...]:
    """Of `postgres` or `mariadbd`."""
    command = program(name) if name == "postgres" else name
    told = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+(?:\.\d+)+)", told)[1].split("."))
