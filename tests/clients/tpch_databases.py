"""PostgreSQL and MariaDB that hold the tables of TPC-H, as rows that tpchgen wrote, which is also Mooring's generator.

A data folder is loaded once for each scale, version of this file and version of the server, and kept in the cache
folder; every server gets a copy of its own.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from database import Database
from mariadb_server import MariaDb
from postgresql_server import Postgres

CACHE = Path(os.environ.get("MOORING_CACHE") or Path.home() / ".cache" / "mooring")
DEFINITIONS = Path(__file__).parent / "tpch_tables.sql"
# The schema in PostgreSQL, and the database in MariaDB.
SCHEMA = "tpch"
KEYS = {
    "region": "r_regionkey", "nation": "n_nationkey", "supplier": "s_suppkey", "customer": "c_custkey",
    "part": "p_partkey", "partsupp": "ps_partkey, ps_suppkey", "orders": "o_orderkey", "lineitem": "l_orderkey, l_linenumber",
}
# Of the servers that load. The size of MariaDB's log is that of a file.
LOADING = {
    Postgres: {"shared_buffers": "512MB", "maintenance_work_mem": "512MB", "autovacuum": "off"},
    MariaDb: {"innodb-buffer-pool-size": "1G", "innodb-log-file-size": "1G", "innodb-doublewrite": "OFF", "slow-query-log": "OFF"},
}
# The other tables of MariaDB compare text without regard to case.
BINARY_TEXT = {"customer", "orders", "part", "region"}


def postgres(scale: float, settings: Mapping[str, object] | None = None) -> Postgres:
    return Postgres(loaded(scale, Postgres, load_postgres), settings)


def mariadb(scale: float, settings: Mapping[str, object] | None = None) -> MariaDb:
    return MariaDb(loaded(scale, MariaDb, load_mariadb), settings)


def loaded(scale: float, database: type[Database], load: Callable[[Database, Path], None]) -> Path:
    """The folder. It gets its name last: what was interrupted is made anew."""
    version = ".".join(map(str, database.version()))
    written = hashlib.sha256(Path(__file__).read_bytes() + DEFINITIONS.read_bytes()).hexdigest()[:16]
    folder = CACHE / "fixtures" / f"tpch-{scale:g}-{database.kind}-{version}-{written}"
    if folder.exists():
        return folder
    print(f"loading TPC-H scale {scale:g} into {folder}", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory() as name, database(settings=LOADING[database]) as empty:
            rows = Path(name)
            generator = Path(sys.executable).parent / "tpchgen-cli"
            subprocess.run(
                [generator, "csv", f"--scale-factor={scale:g}", f"--output-dir={rows}"], check=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )
            empty.make_reader()
            load(empty, rows)
            empty.stop()
            empty.settings = {}
            empty.start()
            empty.stop()
            subprocess.run(["cp", "--archive", "--reflink=auto", empty.data, unfinished], check=True)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def definitions() -> dict[str, str]:
    """The columns of each table."""
    lines = [line for line in DEFINITIONS.read_text().splitlines() if line.startswith("CREATE TABLE ")]
    tables = dict(line.removeprefix("CREATE TABLE ").removesuffix(");").split(" (", 1) for line in lines)
    assert tables.keys() == KEYS.keys(), tables.keys()
    return tables


def load_postgres(server: Postgres, rows: Path) -> None:
    server.run(f"CREATE SCHEMA {SCHEMA}")
    for table, columns in definitions().items():
        name = f"{SCHEMA}.{table}"
        script = (
            f"BEGIN;\nCREATE TABLE {name} ({columns});\n"
            f"\\copy {name} FROM '{rows / table}.csv' WITH (FORMAT csv, HEADER, FREEZE)\n"
            f"ALTER TABLE {name} ADD PRIMARY KEY ({KEYS[table]});\nCOMMIT;\nVACUUM ANALYZE {name};\n"
        )
        server.run(script)


def load_mariadb(server: MariaDb, rows: Path) -> None:
    with server.session() as session:
        session.run(f"CREATE DATABASE {SCHEMA}")
        session.run(f"USE {SCHEMA}")
        session.run("SET unique_checks = 0, foreign_key_checks = 0")
        for table, columns in definitions().items():
            collation = "utf8mb4_bin" if table in BINARY_TEXT else "utf8mb4_general_ci"
            session.run(f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({KEYS[table]})) COLLATE {collation}")
            session.run(
                f"LOAD DATA INFILE '{rows / table}.csv' INTO TABLE {table} CHARACTER SET utf8mb4 "
                "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' IGNORE 1 LINES"
            )
            session.run(f"ANALYZE TABLE {table}")
