"""The metastores that the crates' own tests ask.

    metastores.py COMMAND ARGUMENT...

runs the command while a Hive Metastore and a Glue endpoint run, which `MOORING_TEST_HIVE_URI` and
`MOORING_TEST_GLUE_ENDPOINT` name, and ends with the command's exit code.
"""

import os
import subprocess
import sys

import hive_metastore
import moto_server
from server import processes


def main() -> int:
    processes.raise_on_terminate()
    with hive_metastore.version_2(hive_metastore.tables()) as hive, moto_server.run() as glue:
        addresses = {
            "MOORING_TEST_HIVE_URI": f"thrift://127.0.0.1:{hive.port}",
            "MOORING_TEST_GLUE_ENDPOINT": glue,
        }
        return subprocess.run(sys.argv[1:], env=os.environ | addresses).returncode


if __name__ == "__main__":
    sys.exit(main())
