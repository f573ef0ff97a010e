"""A MySQL that is fetched and not installed: Debian's unstable has it, and with its own libraries and loader it runs
beside whatever the machine has.

    mysql9.py

fetches it where it is not there yet, prints its version, and ends with 1 and the reason where it cannot be had.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGE = "mysql-server-core"
FETCH_TIMEOUT_S = 600
# A package's scripts are not run, so what only they need stays out.
NOT_NEEDED = ("perl", "libperl")
# Everything of apt's in one folder: no list, no cache and no lock of the system is touched, and nothing counts as
# installed, so that it fetches all of what the server needs. It verifies signatures and checksums.
APT_CONFIGURATION = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
"""


class Unavailable(Exception):
    """Why there is no such server."""


def cached() -> Path:
    return Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring") / "mysql9"


def program() -> list[str]:
    """How the server is called, without options."""
    root = fetched()
    libraries = next(path.parent for path in root.glob("usr/lib/*/libc.so.6"))
    loader = next(iter(root.glob("usr/lib64/ld-linux*.so.*")), None) or next(root.glob("usr/lib/ld-linux*.so.*"))
    return [
        str(loader), "--library-path", str(libraries), str(root / "usr/sbin/mysqld"), "--no-defaults",
        f"--basedir={root / 'usr'}", f"--lc-messages-dir={root / 'usr/share/mysql'}",
    ]


def fetched() -> Path:
    """What is kept is used, also when unstable has a newer one."""
    folder = cached()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Renamed when it is whole.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="mysql9-") as scratch:
            fetch(Path(scratch))
            (Path(scratch) / "root").rename(folder)
    return folder


def fetch(scratch: Path) -> None:
    """Into `scratch/root`."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Unavailable("there is no `apt-get`")
    if not KEYS.is_file():
        raise Unavailable(f"the keys of Debian's archive are not at {KEYS}")
    for folder in ["state/lists/partial", "cache/archives/partial", "root"]:
        (scratch / folder).mkdir(parents=True)
    (scratch / "status").touch()
    (scratch / "sources.list").write_text(f"deb [signed-by={KEYS}] {MIRROR} sid main\n")
    configuration = scratch / "apt.conf"
    configuration.write_text(APT_CONFIGURATION.format(folder=scratch))
    environment = os.environ | {"APT_CONFIG": str(configuration), "LC_ALL": "C"}
    run(["apt-get", "--quiet", "--error-on=any", "update"], environment)
    run(["apt-get", "--quiet", "--yes", "--download-only", "install", PACKAGE], environment)
    for package in sorted((scratch / "cache/archives").glob("*.deb")):
        if not package.name.startswith(NOT_NEEDED):
            run(["dpkg-deb", "--extract", str(package), str(scratch / "root")], environment)
    # Half of it, and no part of the server.
    shutil.rmtree(scratch / "root/usr/bin")


def run(command: list[str], environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"`{' '.join(command)}` took more than {FETCH_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise Unavailable(f"`{' '.join(command)}` ended with {done.returncode}: {done.stdout[-1000:].strip()}")


def main() -> int:
    try:
        done = subprocess.run([*program(), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except Unavailable as error:
        print(error)
        return 1
    print((done.stdout or done.stderr).strip())
    return min(done.returncode, 1)


if __name__ == "__main__":
    sys.exit(main())
