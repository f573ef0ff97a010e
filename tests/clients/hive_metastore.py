"""A real Hive Metastore (version 2.3, of the jars that Spark brings) over tables that Spark wrote."""

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from server import REPOSITORY

START_TIMEOUT_S = 120
CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
# The same package writes the tables and serves them.
SPARK = CACHE / "venv-spark"
WRITER = REPOSITORY / "tests" / "hive"


def tables() -> Path:
    """The folder that Spark wrote, made once for each version of what it writes."""
    digest = hashlib.sha256()
    for file in sorted(WRITER.iterdir()):
        if file.is_file():
            digest.update(file.read_bytes())
    folder = CACHE / "fixtures" / f"hive-{digest.hexdigest()[:16]}"
    if not (folder / "expected.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with (folder / "writer.log").open("wb") as log:
            subprocess.run(
                [SPARK / "bin" / "python", WRITER / "write_tables.py", folder], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=True,
            )
    return folder


class Metastore:
    """The process, on a port of its own and over its own copy of the definitions."""

    def __init__(self, folder: Path):
        self.scratch = tempfile.TemporaryDirectory(prefix="hive")
        shutil.copytree(folder / "derby", Path(self.scratch.name) / "derby")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.child = None

    def start(self) -> None:
        scratch = Path(self.scratch.name)
        settings = {
            "javax.jdo.option.ConnectionURL": f"jdbc:derby:{scratch}/derby",
            "datanucleus.schema.autoCreateAll": "true",
            "hive.metastore.schema.verification": "false",
            "hive.async.log.enabled": "false",
            "hive.metastore.warehouse.dir": f"{scratch}/warehouse",
        }
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in settings.items())
        (scratch / "hive-site.xml").write_text(f"<configuration>{properties}</configuration>")
        [jars] = SPARK.glob("lib/python*/site-packages/pyspark/jars")
        command = [
            "java", "-Xmx512m", f"-Dderby.stream.error.file={scratch}/derby.log", "-cp", f"{scratch}:{jars}/*",
            "org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", str(self.port),
        ]
        with (scratch / "log").open("wb") as log:
            self.child = subprocess.Popen(command, cwd=scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise RuntimeError(f"the metastore exited with {self.child.wait(0.2)}: {(scratch / 'log').read_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the metastore did not listen in {START_TIMEOUT_S} s")

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def __enter__(self) -> "Metastore":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()
        self.scratch.cleanup()
