"""Real Hive Metastores over tables that Spark wrote: version 2.3 of the jars that Spark brings, and 4."""

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from listening import await_listener, free_port
from server import REPOSITORY

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30
CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
# The same package writes the tables and serves them.
SPARK = CACHE / "venv-spark"
# `tests/run` has Maven bring them.
JARS_OF_4 = CACHE / "metastore4" / "jars"
# A SerDe that Spark lacks.
JARS_OF_HCATALOG = CACHE / "hcatalog" / "jars"
WRITER = REPOSITORY / "tests" / "hive"
COPIER = WRITER / "metastore4" / "CopyTables.java"
# Not copied to version 4: adding ten thousand partitions to a second metastore shows nothing new.
LARGE = "many"


def tables() -> Path:
    """The folder that Spark wrote, made once for each version of what it writes."""
    folder = CACHE / "fixtures" / f"hive-{digest(*sorted(path for path in WRITER.iterdir() if path.is_file()))}"
    if not (folder / "expected.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with (folder / "writer.log").open("wb") as log:
            subprocess.run(
                [SPARK / "bin" / "python", WRITER / "write_tables.py", folder, JARS_OF_HCATALOG], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=True,
            )
    return folder


def digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


class Metastore:
    """The process, on a port of its own and over its own copy of the definitions in `derby`, which it
    makes if they are `None`. `settings`: more of its own than those that it needs."""

    def __init__(self, jars: Path, derby: Path | None, settings: dict[str, str] | None = None):
        self.jars = jars
        self.settings = settings or {}
        self.scratch = tempfile.TemporaryDirectory(prefix="hive")
        self.derby = Path(self.scratch.name) / "derby"
        if derby is not None:
            shutil.copytree(derby, self.derby)
        self.port = free_port()
        self.child = None

    def start(self) -> None:
        scratch = Path(self.scratch.name)
        settings = {
            "javax.jdo.option.ConnectionURL": f"jdbc:derby:{self.derby};create=true",
            "datanucleus.schema.autoCreateAll": "true",
            "hive.metastore.schema.verification": "false",
            "hive.async.log.enabled": "false",
            "hive.metastore.warehouse.dir": f"{scratch}/warehouse",
        } | self.settings
        properties = "".join(f"<property><name>{k}</name><value>{v}</value></property>" for k, v in settings.items())
        (scratch / "hive-site.xml").write_text(f"<configuration>{properties}</configuration>")
        command = [
            "java", "-Xmx512m", f"-Dderby.stream.error.file={scratch}/derby.log", "-cp", f"{scratch}:{self.jars}/*",
            "org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", str(self.port),
        ]
        with (scratch / "log").open("wb") as log:
            self.child = subprocess.Popen(command, cwd=scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        await_listener(self.child, self.port, START_TIMEOUT_S, scratch / "log")

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None

    def stop(self) -> None:
        """Its definitions are whole then."""
        self.child.terminate()
        self.child.wait(STOP_TIMEOUT_S)
        self.child = None

    def copy_table(self, schema: str, table: str, copy: str) -> None:
        """Another table over the same files. Only the name changes, which is the first field of `Table`."""
        answer = self.call("get_table", text(1, schema) + text(2, table))
        definition = answer[len(field(STRUCT, 0)):-1]
        name = text(1, table)
        assert definition.startswith(name), definition
        self.call("create_table", field(STRUCT, 1) + text(1, copy) + definition[len(name):])

    def drop_table(self, schema: str, table: str) -> None:
        """Its files stay."""
        self.call("drop_table", text(1, schema) + text(2, table) + field(BOOLEAN, 3) + b"\0")

    def call(self, method: str, arguments: bytes) -> bytes:
        """The fields of a method's result, with the byte that ends them (Thrift's binary protocol)."""
        name = string(method) + struct.pack(">i", 1)
        with socket.create_connection(("127.0.0.1", self.port), STOP_TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">I", 0x80010001) + name + arguments + b"\0")
            # It answers and hangs up.
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                answer = stream.read()
        head = struct.pack(">I", 0x80010002) + name
        result = answer[len(head):]
        # A result is field 0, and there is none of a method that only does something.
        assert answer.startswith(head) and (result == b"\0" or result.startswith(field(STRUCT, 0))), answer
        return result

    def __enter__(self) -> "Metastore":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()
        self.scratch.cleanup()


BOOLEAN, STRING, STRUCT = 2, 11, 12


def field(kind: int, number: int) -> bytes:
    return struct.pack(">bh", kind, number)


def string(value: str) -> bytes:
    return struct.pack(">i", len(value.encode())) + value.encode()


def text(number: int, value: str) -> bytes:
    return field(STRING, number) + string(value)


def version_2(folder: Path, settings: dict[str, str] | None = None) -> Metastore:
    [jars] = SPARK.glob("lib/python*/site-packages/pyspark/jars")
    return Metastore(jars, folder / "derby", settings)


def version_2_with_a_limit(folder: Path) -> Metastore:
    """It refuses to answer a thousand partitions to a filter, however few there are."""
    return version_2(folder, {"hive.metastore.limit.partition.request": "100"})


def version_4(folder: Path) -> Metastore:
    """The same tables, without the large one."""
    derby = folder / f"derby4-{digest(COPIER, COPIER.with_name('pom.xml'))}"
    if not derby.exists():
        with version_2(folder) as source, Metastore(JARS_OF_4, None) as copy:
            subprocess.run(
                ["java", "-cp", f"{JARS_OF_4}/*", COPIER, str(source.port), str(copy.port), LARGE],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
            )
            copy.stop()
            whole = derby.with_suffix(".part")
            shutil.rmtree(whole, ignore_errors=True)
            shutil.copytree(copy.derby, whole)
            whole.rename(derby)
    return Metastore(JARS_OF_4, derby)
