"""A PostgreSQL that a test does anything to. SQL goes through psql."""

import contextlib
import csv
import io
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from database import PASSWORD, READER, Database, Statement, told_version
from listening import HOST

# The name of the administrator, and of the user whom the server runs as where we are root.
ADMIN = "postgres"
# One that is the same in a URL.
ADMIN_PASSWORD = "it-does-anything"
# How psql tells a null.
NULL = "\\N"


class Postgres(Database):
    """The administrator comes by the socket; over TCP all need a password."""

    kind = "postgresql"
    DATABASE = "postgres"
    # "Fast shutdown", PostgreSQL's manual, section 19.5.
    _stop_signal = signal.SIGINT
    SETTINGS = {
        "fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "max_wal_size": "8GB",
        "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top", "timezone": "UTC",
    }

    @classmethod
    def version(cls) -> tuple[int, ...]:
        return told_version(program("postgres"))

    def _make(self) -> None:
        words = self.folder / "password"
        words.write_text(ADMIN_PASSWORD)
        words.chmod(0o644)
        # Text sorts here as it does for most: by a language, not by its bytes.
        collation = ["--locale-provider=icu", "--icu-locale=en-US"] if self.version() >= (15,) else []
        done = subprocess.run(
            [program("initdb"), f"--pgdata={self.data}", f"--username={ADMIN}", f"--pwfile={words}", "--encoding=UTF8",
             "--locale=C", *collation, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            **self._identity(),
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb exited with {done.returncode}:\n{done.stdout}")

    def _identity(self) -> dict[str, object]:
        """The server refuses to be root; where we are somebody else, it is who we are."""
        if os.geteuid() != 0:
            return {}
        for path in filter(None, (self.folder, self.key)):
            shutil.chown(path, ADMIN)
        return {"user": ADMIN, "group": ADMIN, "extra_groups": []}

    def _command(self) -> list[str]:
        places = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": self.folder}
        tls = {"ssl": "on", "ssl_cert_file": self.certificate, "ssl_key_file": self.key} if self.certificate else {}
        settings = {**self.SETTINGS, **self.settings, **places, **tls}
        return [program("postgres"), "-D", str(self.data), *(f"--{name}={value}" for name, value in settings.items())]

    def _answers(self) -> bool:
        return self._psql("SELECT 1").returncode == 0

    def _psql(self, sql: str) -> subprocess.CompletedProcess:
        command = self.client("--csv", "--tuples-only", f"--pset=null={NULL}")
        return subprocess.run(command, input=sql, capture_output=True, text=True)

    def client(self, *more: str, user: str | None = None) -> list[str]:
        """The command line of psql: the administrator by the socket."""
        login = [f"--host={HOST}", f"--username={user}"] if user else [f"--host={self.folder}", f"--username={ADMIN}"]
        return [
            program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--port={self.port}", *login,
            f"--dbname={self.DATABASE}", *more,
        ]

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows as psql writes them."""
        done = self._psql(sql)
        if done.returncode != 0:
            raise RuntimeError(f"PostgreSQL refused: {done.stderr.strip()}")
        rows = csv.reader(io.StringIO(done.stdout))
        return [tuple(None if value == NULL else value for value in row) for row in rows]

    def url(self) -> str:
        """By which the administrator comes."""
        return f"postgresql://{ADMIN}:{ADMIN_PASSWORD}@{self.host}:{self.port}/{self.DATABASE}"

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


def is_installed() -> bool:
    return shutil.which(program("initdb")) is not None


def program(name: str) -> str:
    """Of the newest PostgreSQL here: Debian keeps its programs off the path."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return str(folders[-1] / name) if folders else name
