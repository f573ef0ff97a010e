"""Tests that need no tables over a MySQL 9.

    on_mysql9.py COMMAND ARGUMENT...

runs the command while one runs that `MOORING_TEST_MYSQL_URL` names, and ends with the command's exit code.
"""

import os
import subprocess
import sys

from mysql9_server import MySql9
from server import processes


def main() -> int:
    processes.raise_on_terminate()
    with MySql9(tls=True) as source:
        # The one that is there comes by the socket.
        source.run("CREATE USER root@'%'")
        source.run("GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION")
        address = {"MOORING_TEST_MYSQL_URL": source.url()}
        return subprocess.run(sys.argv[1:], env=os.environ | address).returncode


if __name__ == "__main__":
    sys.exit(main())
