"""The MySQL of `mysql9.py`, as `mariadb_server.py` has MariaDB."""

import getpass
import os
import subprocess
from pathlib import Path

import mysql9
from mariadb_server import MariaDb


class MySql9(MariaDb):
    """With the server's own collation, `utf8mb4_0900_ai_ci`."""

    name = "mysqld"

    def _user(self) -> str:
        # Another user may not reach the folder that it was fetched into.
        return "root" if os.geteuid() == 0 else getpass.getuser()

    def _program(self) -> list[str]:
        return mysql9.program()

    def _own_options(self) -> list[str]:
        return ["--mysqlx=OFF", "--skip-log-bin", "--secure-file-priv=NULL"]

    def _make(self, data: Path, user: str) -> None:
        done = subprocess.run(
            [*self._program(), f"--user={user}", f"--datadir={data}", "--initialize-insecure"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"mysqld could not make its data and ended with {done.returncode}:\n{done.stdout[-3000:]}")
