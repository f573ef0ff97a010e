"""The MySQL of `mysql9.py`, as `mariadb_server.py` has MariaDB."""

import subprocess

import mysql9
from mariadb_server import MariaDb

# It has a collation of its own, `utf8mb4_0900_ai_ci`.
MARIADB_ONLY = {"collation-server", "slow-query-log", "long-query-time", "log-output"}


class MySql9(MariaDb):
    SETTINGS = {name: value for name, value in MariaDb.SETTINGS.items() if name not in MARIADB_ONLY} | {
        "secure-file-priv": "NULL", "mysqlx": "OFF",
    }

    def _program(self) -> list[str]:
        return mysql9.program()

    def _command(self) -> list[str]:
        return [*super()._command(), "--skip-log-bin"]

    def _make(self) -> None:
        done = subprocess.run(
            [*self._program(), f"--user={self._user()}", f"--datadir={self.data}", "--initialize-insecure"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mysqld could not make its data and ended with {done.returncode}:\n{done.stdout[-3000:]}")
