"""A MariaDB of its own for the client tests: fresh data, a free port, TLS, ended by its process id."""

import contextlib
import datetime
import getpass
import os
import shutil
import subprocess
import time
from pathlib import Path

import pymysql
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from listening import HOST, free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
POLL_S = 0.05


class MariaDb:
    """Users: `root`, without a password."""

    host = HOST
    name = "mariadbd"

    def __init__(self, folder: Path):
        self.folder = folder
        data = folder / "data"
        folder.mkdir(parents=True)
        user = self._user()
        certificate, key = write_certificate(folder)
        if os.geteuid() == 0:
            for path in (folder, certificate, key):
                shutil.chown(path, user)
        self._make(data, user)
        self.port = free_port()
        self.certificate = certificate
        self.command = [
            *self._program(), f"--user={user}", f"--datadir={data}", f"--port={self.port}",
            f"--bind-address={self.host}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}",
            f"--ssl-cert={certificate}", f"--ssl-key={key}", "--default-time-zone=+00:00",
            "--character-set-server=utf8mb4", "--max-allowed-packet=128M", "--innodb-flush-log-at-trx-commit=0",
            *self._own_options(),
        ]
        self.start()

    def _user(self) -> str:
        """The server refuses to be root; where we are somebody else, it is who we are."""
        return "mysql" if os.geteuid() == 0 else getpass.getuser()

    def _program(self) -> list[str]:
        return ["mariadbd", "--no-defaults"]

    def _own_options(self) -> list[str]:
        return ["--collation-server=utf8mb4_bin"]

    def _make(self, data: Path, user: str) -> None:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={data}", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def start(self) -> None:
        """Also again, after `stop`."""
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        try:
            self._await_login()
        except BaseException:
            self.stop()
            raise

    def connect(self, **more: object) -> pymysql.Connection:
        return pymysql.connect(host=self.host, port=self.port, user="root", ssl_disabled=True, autocommit=True, **more)

    def make_tpch_tables(self, database: str) -> None:
        """The tables of TPC-H without rows."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{database}`")
            cursor.execute(f"USE `{database}`")
            for line in (Path(__file__).parent / "tpch_tables.sql").read_text().splitlines()[1:]:
                cursor.execute(line)

    def end_statements(self, marker: str) -> None:
        """Ends what a program left behind: MariaDB does not look whether a client is still there."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW FULL PROCESSLIST")
            for row in cursor.fetchall():
                if marker in str(row[7]):
                    cursor.execute(f"KILL {row[0]}")

    def _await_login(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(pymysql.MySQLError):
                self.connect().close()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"{self.name} exited with {self.child.wait(POLL_S)}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} took no login in {START_TIMEOUT_S} s:\n{self.log_tail()}")

    def log_tail(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def __enter__(self) -> "MariaDb":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for `localhost` that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    return certificate_file, key_file
