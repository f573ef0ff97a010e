"""The programs of `drivers/`, and how each is started."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent / "drivers"
# What tests/run builds or fetches for the programs that need it.
BUILT = Path(os.environ.get("MOORING_CACHE", Path.home() / ".cache" / "mooring")) / "clients"

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


def python(program: str, *arguments: str) -> list[str | Path]:
    return [sys.executable, HERE / program, *arguments]


def java(program: str, jar: str, *arguments: str) -> list[str | Path]:
    # Small heap, no second compiler: start-up is most of what these programs do.
    options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-Duser.timezone=UTC"]
    return ["java", *options, "-cp", f"{BUILT / 'java'}:{BUILT / 'java' / jar}", program, *arguments]


DRIVERS = [
    Driver("PyMySQL", python("pymysql_driver.py"), protocols=[TEXT]),
    Driver("mysql-connector-python (C extension)", python("mysql_connector_driver.py", "c"), native_password=True),
    Driver("mysql-connector-python (pure)", python("mysql_connector_driver.py", "pure"), native_password=True),
    Driver("mysqlclient", python("mysqlclient_driver.py"), protocols=[TEXT]),
    Driver("MariaDB ODBC", python("odbc_driver.py")),
    Driver("mysql2", ["node", BUILT / "node" / "driver.js"]),
    Driver("go-sql-driver", [BUILT / "go" / "driver"]),
    Driver("MariaDB command line", ["bash", HERE / "mariadb_driver.sh"], protocols=[TEXT]),
    Driver("MariaDB Connector/J 2.7", java("Driver", "mariadb-java-client-2.7.12.jar", "mariadb2")),
    Driver("MariaDB Connector/J 3", java("Driver", "mariadb-java-client-3.5.6.jar", "mariadb3")),
    Driver(
        "MySQL Connector/J 9", java("Driver", "mysql-connector-j-9.4.0.jar", "mysql"), protocols=[TEXT, BINARY, "cursor"],
    ),
]
