"""The crates' own tests of MySQL over a MySQL 9.

    on_mysql9.py COMMAND ARGUMENT...

runs the command while one runs that has the tables of `mysql9_tables.py`, which `MOORING_TEST_MYSQL_URL` names, and ends
with the command's exit code.
"""

import os
import subprocess
import sys

import mysql9_tables
from mysql9_server import MySql9
from server import processes


def main() -> int:
    processes.raise_on_terminate()
    with MySql9(tls=True) as source:
        with source.connect() as connection:
            mysql9_tables.make(connection)
        address = {"MOORING_TEST_MYSQL_URL": source.url()}
        return subprocess.run(sys.argv[1:], env=os.environ | address).returncode


if __name__ == "__main__":
    sys.exit(main())
