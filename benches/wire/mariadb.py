"""A MariaDB server of our own: fresh data folder, free port, ended by its process id."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import processes
from processes import ProcessFailed

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
POLL_S = 0.05
# Everything fits: the peer is MariaDB in its best state, answering from memory.
BUFFER_POOL_BYTES = 3 << 30

TABLES = """
CREATE DATABASE tiny;
CREATE TABLE tiny.orders (
    o_orderkey BIGINT NOT NULL PRIMARY KEY, o_custkey BIGINT NOT NULL, o_orderstatus CHAR(1) NOT NULL,
    o_totalprice DECIMAL(15, 2) NOT NULL, o_orderdate DATE NOT NULL, o_orderpriority VARCHAR(15) NOT NULL,
    o_clerk VARCHAR(15) NOT NULL, o_shippriority INT NOT NULL, o_comment VARCHAR(79) NOT NULL
) ENGINE = InnoDB;
CREATE DATABASE wire;
CREATE TABLE wire.lineitem (
    l_orderkey BIGINT NOT NULL, l_partkey BIGINT NOT NULL, l_suppkey BIGINT NOT NULL, l_linenumber INT NOT NULL,
    l_quantity DECIMAL(15, 2) NOT NULL, l_extendedprice DECIMAL(15, 2) NOT NULL, l_discount DECIMAL(15, 2) NOT NULL,
    l_tax DECIMAL(15, 2) NOT NULL, l_returnflag CHAR(1) NOT NULL, l_linestatus CHAR(1) NOT NULL,
    l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
    l_shipinstruct VARCHAR(25) NOT NULL, l_shipmode VARCHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL,
    PRIMARY KEY (l_orderkey, l_linenumber)
) ENGINE = InnoDB;
"""


def install() -> None:
    if shutil.which("mariadbd"):
        return
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    variables = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "--quiet"], ["install", "--quiet", "--yes", "--no-install-recommends", "mariadb-server"]):
        subprocess.run([*sudo, "apt-get", *command], check=True, env=variables)


class MariaDb:
    """The running server. `folder` must be short: the path of a socket has at most 107 bytes."""

    def __init__(self, folder: Path, connections_max: int):
        self.socket = folder / "socket"
        self.log = folder / "log"
        self.host, self.port = "127.0.0.1", free_port()
        data = folder / "data"
        user = ["--user=root"] if os.geteuid() == 0 else []  # else it refuses to run as root
        install_db = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *user]
        made = subprocess.run(install_db, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            raise ProcessFailed(f"`mariadb-install-db` exited with {made.returncode}:\n{made.stdout}")
        arguments = [
            "mariadbd", "--no-defaults", *user, f"--datadir={data}", f"--socket={self.socket}", f"--port={self.port}",
            f"--bind-address={self.host}", f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--secure-file-priv=",
            f"--max-connections={connections_max}", f"--innodb-buffer-pool-size={BUFFER_POOL_BYTES}",
            # Loading is not what is measured.
            "--innodb-log-file-size=1G", "--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite",
        ]
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end it
            )
        try:
            self._await_ready()
            self.run(f"CREATE USER {processes.USER}@'127.0.0.1'; GRANT ALL ON *.* TO {processes.USER}@'127.0.0.1';")
            self.run(TABLES)
        except BaseException:
            self.stop()
            raise

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                with socket.create_connection((self.host, self.port)):
                    return
            except OSError:
                pass
            try:
                code = self.child.wait(POLL_S)
                raise ProcessFailed(f"`mariadbd` exited with {code} at its start:\n{self.log.read_text(errors='replace')}")
            except subprocess.TimeoutExpired:
                pass
            if time.monotonic() > deadline:
                raise ProcessFailed(f"`mariadbd` was not ready after {START_TIMEOUT_S} s")

    def run(self, sql: str) -> str:
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch", "--skip-column-names"],
            input=sql, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode != 0:
            raise ProcessFailed(f"MariaDB refused: {done.stdout.strip()}")
        return done.stdout

    def load(self, table: str, file: Path) -> int:
        """Takes the rows of a file of tab-separated values and answers how many the table has."""
        checks = "SET unique_checks = 0, foreign_key_checks = 0;"
        self.run(f"{checks} LOAD DATA INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4; ANALYZE TABLE {table};")
        return int(self.run(f"SELECT count(*) FROM {table};"))

    def version(self) -> str:
        return self.run("SELECT version();").strip()

    def stop(self) -> None:
        if self.child.poll() is None:
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


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
