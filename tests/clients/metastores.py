"""The metastores and databases that the crates' own tests ask.

    metastores.py COMMAND ARGUMENT...

runs the command while a Hive Metastore, a Glue endpoint and a MariaDB run, which `MOORING_TEST_HIVE_URI`,
`MOORING_TEST_GLUE_ENDPOINT` and `MOORING_TEST_MYSQL_URL` name, and ends with the command's exit code.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import hive_metastore
import mariadb_tables
import moto_server
from mariadb_server import MariaDb
from server import processes


def main() -> int:
    processes.raise_on_terminate()
    with (
        tempfile.TemporaryDirectory() as name,
        hive_metastore.version_2(hive_metastore.tables()) as hive,
        moto_server.run() as glue,
    ):
        folder = Path(name)
        # MariaDB's own user enters it.
        folder.chmod(0o755)
        return run(folder, hive, glue)


def run(folder: Path, hive: hive_metastore.Metastore, glue: str) -> int:
    with MariaDb(folder / "mariadb") as mariadb:
        with mariadb.connect() as connection:
            mariadb_tables.make(connection)
        addresses = {
            "MOORING_TEST_HIVE_URI": f"thrift://127.0.0.1:{hive.port}",
            "MOORING_TEST_GLUE_ENDPOINT": glue,
            "MOORING_TEST_MYSQL_URL": f"mysql://root@{mariadb.host}:{mariadb.port}",
        }
        return subprocess.run(sys.argv[1:], env=os.environ | addresses).returncode


if __name__ == "__main__":
    sys.exit(main())
