"""A server for the client tests, and the way to the code that starts it.

    server.py COMMAND ARGUMENT...

runs the command while a server runs, which `MOORING_TEST_HOST`, `MOORING_TEST_PORT` and
`MOORING_TEST_FLIGHT_SQL` name, and
ends with the command's exit code. Its users: `root` without a password, and those of `PASSWORDS`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benches" / "tpch"))

import processes  # noqa: E402  (found by the line above)

# Each test has a user of its own: the first login with caching_sha2_password differs from the later ones.
PASSWORDS = {"alice": "correct horse", "bob": "battery staple", "carol": "pässwörd", "nora": "old school"}
PLUGINS = {"nora": "mysql_native_password"}


def binary() -> Path:
    return Path(os.environ["MOORING_BIN"])


def add_users(folder: Path) -> None:
    for name, password in PASSWORDS.items():
        arguments = ["user", "add", name, "--password-env", "NEW_PASSWORD"]
        if name in PLUGINS:
            arguments += ["--plugin", PLUGINS[name]]
        processes.run(binary(), arguments, processes.state_settings(folder), NEW_PASSWORD=password)


def main() -> int:
    processes.raise_on_terminate()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        add_users(folder)
        with processes.Cluster(binary(), folder) as cluster:
            address = {
                "MOORING_TEST_HOST": cluster.host,
                "MOORING_TEST_PORT": str(cluster.port),
                "MOORING_TEST_FLIGHT_SQL": cluster.processes[0].addresses["flight_sql"],
            }
            code = subprocess.run(sys.argv[1:], env=os.environ | address).returncode
            if code != 0:
                print(f"--- log of the server\n{cluster.processes[0].log_tail()}")
        return code


if __name__ == "__main__":
    sys.exit(main())
