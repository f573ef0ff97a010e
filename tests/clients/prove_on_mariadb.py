"""Runs a client test against MariaDB: what it expects of the protocol has to hold there too.

    prove_on_mariadb.py COMMAND ARGUMENT...

Tests of Mooring's own catalogs and errors fail there, of course; which, the output shows.
"""

import os
import subprocess
import sys

from mariadb_server import MariaDb
from server import PASSWORDS, processes


def main() -> int:
    processes.raise_on_terminate()
    with MariaDb(tls=True) as server:
        with server.connect() as connection, connection.cursor() as cursor:
            for user, password in PASSWORDS.items():
                cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (user, password))
        server.make_tpch_tables("tpch.tiny")
        address = {"MOORING_TEST_HOST": server.host, "MOORING_TEST_PORT": str(server.port)}
        return subprocess.run(sys.argv[1:], env=os.environ | address).returncode


if __name__ == "__main__":
    sys.exit(main())
