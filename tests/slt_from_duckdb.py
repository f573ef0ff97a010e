"""Checks or writes the expected rows of `.slt` files with DuckDB, the engine that we did not write.

    slt_from_duckdb.py [--write] FILE...

Takes the queries of files that hold the line `# from: DuckDB`. A query below a comment line that
starts with `# MariaDB` is left alone: there the dialects differ and its rows stand as MariaDB
gives them. `tpch.tiny` is made by the PyPI package tpchgen-cli.
"""

import datetime
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb

MARKER = "# from: DuckDB"
DATA = Path(__file__).parent / "data"
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


def main() -> int:
    arguments = sys.argv[1:]
    write = "--write" in arguments
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        store = database(Path(folder))
        for path in (Path(a) for a in arguments if not a.startswith("--")):
            text = path.read_text()
            if MARKER not in text.splitlines():
                continue
            made = "\n\n".join(checked(block, store) for block in text.strip("\n").split("\n\n")) + "\n"
            if made == text:
                print(f"{path.name}: agrees with DuckDB")
            elif write:
                path.write_text(made)
                print(f"{path.name}: written")
            else:
                wrong += 1
                print(f"{path.name}: differs from DuckDB; --write shows where")
    return 1 if wrong else 0


def database(folder: Path) -> duckdb.DuckDBPyConnection:
    generator = Path(sys.executable).parent / "tpchgen-cli"
    subprocess.run(
        [generator, "parquet", "-s", "0.01", "--parts=1", f"--output-dir={folder}"], check=True, capture_output=True
    )
    store = duckdb.connect()
    store.execute("ATTACH ':memory:' AS tpch; CREATE SCHEMA tpch.tiny")
    for table in TABLES:
        store.execute(f"CREATE VIEW tpch.tiny.{table} AS SELECT * FROM '{folder}/{table}/*.parquet'")
    return store


def checked(block: str, store: duckdb.DuckDBPyConnection) -> str:
    """The block with DuckDB's rows in place of its own, if it is a query for DuckDB."""
    lines = block.split("\n")
    comments = [line for line in lines if line.startswith("#")]
    head, *rest = [line for line in lines if not line.startswith("#")] or [""]
    words = head.split()
    if any(c.startswith("# MariaDB") for c in comments):
        return block
    if words[:1] == ["statement"]:
        if words[1:2] == ["ok"] and rest[0].lower().startswith("use "):
            store.execute("\n".join(rest))
        return block
    if words[:2] == ["query", "error"] or words[:1] != ["query"]:
        return block
    sql = rest[: rest.index("----")] if "----" in rest else rest
    rows = [[text(v) for v in row] for row in store.execute("\n".join(sql).replace("${DATA}", str(DATA))).fetchall()]
    types = words[1]
    assert all(len(row) == len(types) for row in rows), f"{head} has another number of columns: {sql}"
    if words[2:3] == ["rowsort"]:
        rows.sort()
    return "\n".join([*comments, head, *sql, "----", *(" ".join(row).rstrip() for row in rows)])


def text(value: object) -> str:
    """As MySQL's text protocol gives it; an empty string as the `.slt` runner shows it."""
    match value:
        case None:
            return "NULL"
        case "":
            return "(empty)"
        case bool():
            return str(int(value))
        case Decimal():
            return f"{value:f}"
        case float():
            return f"{value:.17g}" if value.is_integer() else repr(value)
        case datetime.datetime():
            return value.isoformat(" ", "microseconds")
        case _:
            return str(value)


if __name__ == "__main__":
    sys.exit(main())
