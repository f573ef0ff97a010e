"""Writes tests/data with DuckDB, so that Mooring reads files that it did not write.

    ~/.cache/mooring/venv-tests/bin/python tests/make_data.py

The files are committed; this says where they come from. `fruit` has the same rows in every format.
"""

import shutil
from pathlib import Path

import duckdb

DATA = Path(__file__).resolve().parent / "data"

FRUIT = """
    SELECT * FROM (VALUES
        (1, 'apple', 150, 1.25::decimal(10,2), date '2024-01-31', true),
        (2, 'pear', 170, 2.50::decimal(10,2), date '2024-02-29', false),
        (3, 'Zwetschge', NULL, 0.05::decimal(10,2), date '1999-12-31', true),
        (4, 'blåbær', 1, NULL, NULL, NULL)
    ) AS t (id, name, weight, price, picked, ripe)
"""

SALES = """
    SELECT * FROM (VALUES
        (1, 10, 2023, 'north'), (2, 20, 2023, 'south'), (3, 30, 2024, 'north'),
        (4, 40, 2024, 'north'), (5, 50, 2024, 'south')
    ) AS t (id, amount, year, region)
"""


def main() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    for folder in ("csv", "json", "mixed", "parquet"):
        (DATA / folder).mkdir(parents=True)
    store = duckdb.connect()

    def copy(query: str, path: str, options: str) -> None:
        store.execute(f"COPY ({query}) TO '{DATA / path}' ({options})")

    copy(FRUIT, "csv/fruit.csv", "FORMAT csv, HEADER")
    copy(FRUIT, "csv/fruit.tsv.gz", "FORMAT csv, HEADER, DELIMITER '\t', COMPRESSION gzip")
    copy(FRUIT, "json/fruit.json", "FORMAT json")
    copy(FRUIT, "parquet/fruit.parquet", "FORMAT parquet, COMPRESSION zstd")
    copy(f"{FRUIT} LIMIT 2", "mixed/a.csv", "FORMAT csv, HEADER")
    copy(f"{FRUIT} OFFSET 2", "mixed/b.csv.gz", "FORMAT csv, HEADER, COMPRESSION gzip")
    copy(SALES, "sales", "FORMAT parquet, PARTITION_BY (year, region)")
    # Row groups of 2,048 rows: one file that several tasks can share.
    copy("SELECT i AS id, i % 7 AS bucket FROM range(8000) AS r (i)", "parquet/numbers.parquet",
         "FORMAT parquet, ROW_GROUP_SIZE 2048")

    whole = (DATA / "parquet/numbers.parquet").read_bytes()
    (DATA / "parquet/truncated.parquet").write_bytes(whole[: len(whole) // 2])
    (DATA / "csv/bad_row.csv").write_text("id,weight\n1,150\n2,170\n3,heavy\n")


if __name__ == "__main__":
    main()
