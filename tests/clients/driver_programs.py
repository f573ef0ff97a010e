"""The programs of `drivers/`, and how each is started."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "drivers"
# What tests/run builds or fetches for the programs that need it.
BUILT = Path(os.environ.get("MOORING_CACHE", Path.home() / ".cache" / "mooring")) / "clients"

# Beside the server that is tested, as cargo builds both.
CARGO_BUILT = Path(os.environ["MOORING_BIN"]).parent

TEXT, BINARY = "text", "binary"


@dataclass(frozen=True)
class Driver:
    name: str
    command: Sequence[str | Path]
    # Over which protocols the program reads the cases. Text only: the driver prepares nothing.
    protocols: Sequence[str] = (TEXT, BINARY)
    # Without TLS this driver cannot log in the first time with caching_sha2_password: it has no way
    # to ask for the server's RSA key (or, like MySQL's own, none that Python reaches).
    native_password: bool = False
    # Its cancel opens a connection without TLS, which who needs TLS is refused.
    cancels_in_clear: bool = False
    # Whether it can ask for compression (zlib).
    compresses: bool = False

    def is_built(self) -> bool:
        """tests/run leaves out a program whose compiler no package of the distribution brings."""
        program = self.command[0]
        return not isinstance(program, Path) or program.exists()


def python(program: str, *arguments: str) -> list[str | Path]:
    return [sys.executable, HERE / program, *arguments]


def java(kind: str) -> list[str | Path]:
    # Small heap, no second compiler: start-up is most of what these programs do.
    options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Duser.timezone=UTC"]
    return ["java", *options, "-cp", f"{BUILT / 'java'}:{BUILT / 'java' / jars()[kind]}", "Driver", kind]


def jars() -> dict[str, str]:
    """The file of each kind's driver. A line of jars.txt is `KIND GROUP:ARTIFACT:VERSION`."""
    lines = [line.split() for line in (HERE / "java" / "jars.txt").read_text().splitlines()]
    return {kind: "-".join(coordinates.split(":")[1:]) + ".jar" for kind, coordinates in lines}


DRIVERS = [
    Driver("PyMySQL", python("pymysql_driver.py"), protocols=[TEXT]),
    Driver("mysql-connector-python (C extension)", python("mysql_connector_driver.py", "c"), native_password=True, compresses=True),
    Driver("mysql-connector-python (pure)", python("mysql_connector_driver.py", "pure"), native_password=True, compresses=True),
    Driver("mysqlclient", python("mysqlclient_driver.py"), protocols=[TEXT], compresses=True),
    Driver("SQLAlchemy", python("sqlalchemy_driver.py"), protocols=[TEXT]),
    Driver("MariaDB ODBC", python("odbc_driver.py"), cancels_in_clear=True),
    Driver("mysql2", ["node", BUILT / "node" / "driver.js"], compresses=True),
    Driver("go-sql-driver", [BUILT / "go" / "driver"], compresses=True),
    Driver("mysql_async", [CARGO_BUILT / "mysql_async_driver"]),
    Driver("MariaDB command line", ["bash", HERE / "mariadb_driver.sh"], protocols=[TEXT], compresses=True),
    Driver("MariaDB Connector/J 2.7", java("mariadb2"), compresses=True),
    Driver("MariaDB Connector/J 3", java("mariadb3"), compresses=True),
    Driver(
        "MySQL Connector/J 9", java("mysql"), protocols=[TEXT, BINARY, "cursor"], compresses=True,
    ),
]
