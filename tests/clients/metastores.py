"""The metastores and databases that the crates' own tests ask.

    metastores.py COMMAND ARGUMENT...

runs the command while a Hive Metastore, a Glue endpoint, a MariaDB and a PostgreSQL run, which
`MOORING_TEST_HIVE_URI`, `MOORING_TEST_GLUE_ENDPOINT`, `MOORING_TEST_MYSQL_URL` and `MOORING_TEST_POSTGRES_URL` name,
and ends with the command's exit code.
"""

import os
import subprocess
import sys

import hive_metastore
import mariadb_tables
import moto_server
from mariadb_server import MariaDb
from postgresql_server import Postgres
from server import processes


def main() -> int:
    processes.raise_on_terminate()
    with (
        hive_metastore.version_2(hive_metastore.tables()) as hive,
        moto_server.run() as glue,
        MariaDb(tls=True) as mariadb,
        Postgres() as postgres,
    ):
        with mariadb.connect() as connection:
            mariadb_tables.make(connection)
        addresses = {
            "MOORING_TEST_HIVE_URI": f"thrift://127.0.0.1:{hive.port}",
            "MOORING_TEST_GLUE_ENDPOINT": glue,
            "MOORING_TEST_MYSQL_URL": mariadb.url(),
            "MOORING_TEST_POSTGRES_URL": postgres.url(),
        }
        return subprocess.run(sys.argv[1:], env=os.environ | addresses).returncode


if __name__ == "__main__":
    sys.exit(main())
