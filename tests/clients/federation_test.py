"""The 22 queries of TPC-H over tables that are spread over files, PostgreSQL and MariaDB, against DuckDB.

    federation_test.py [--scale FACTOR]

The databases are loaded once for each scale, see `tpch_databases.py`.
"""

import argparse
import re
import sys
import tempfile
import unittest
from pathlib import Path

import pymysql

import counted
import tpch_databases
from server import binary, processes

import compare
import queries
from engines import DuckDb, Mooring

SCHEMA = tpch_databases.SCHEMA
# Every large table is in each source once, together with another that the queries join it with.
SPREADS = [
    {
        "customer": "pg", "lineitem": "pg", "nation": "my", "orders": "pg", "part": "lake", "partsupp": "my",
        "region": "my", "supplier": "lake",
    },
    {
        "customer": "my", "lineitem": "lake", "nation": "lake", "orders": "my", "part": "my", "partsupp": "lake",
        "region": "lake", "supplier": "pg",
    },
    {
        "customer": "lake", "lineitem": "my", "nation": "my", "orders": "lake", "part": "pg", "partsupp": "pg",
        "region": "pg", "supplier": "my",
    },
]
LARGE = ("customer", "lineitem", "orders", "part", "partsupp", "supplier")
MODES = {
    "on": ("SET pushdown_verify = off", "SET pushdown = on"),
    "off": ("SET pushdown_verify = off", "SET pushdown = off"),
    "verified": ("SET pushdown = on", "SET pushdown_verify = on"),
}
# Where a name is a table's: `nation` is a column's, too.
TABLE_NAME = re.compile(rf"(\bfrom\s+|\bjoin\s+|,\s*)({'|'.join(queries.TABLES)})\b")


def placed(sql: str, spread: dict[str, str]) -> str:
    return TABLE_NAME.sub(lambda found: f"{found[1]}{spread[found[2]]}.{SCHEMA}.{found[2]}", sql)


class Federation(unittest.TestCase):
    scale = 0.1

    @classmethod
    def setUpClass(cls):
        cls.pg = cls.enterClassContext(tpch_databases.postgres(cls.scale))
        cls.my = cls.enterClassContext(tpch_databases.mariadb(cls.scale))
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.folder.joinpath("mooring.toml").write_text(cls.pg.section("pg") + cls.my.section("my"))
        processes.load(binary(), cls.folder, cls.scale, SCHEMA)
        reference = DuckDb(cls.folder / "state" / "warehouse" / SCHEMA, threads=2)
        cls.queries = {number: queries.query(number, cls.scale) for number in queries.NUMBERS}
        cls.right = {number: reference.fetch(query.unlimited_sql) for number, query in cls.queries.items()}

    def test_the_spreads_are_what_they_say(self):
        for table in LARGE:
            self.assertEqual({spread[table] for spread in SPREADS}, {"lake", "my", "pg"}, table)
        # A name that is left would be a table of `lake`, but for the column.
        for query in self.queries.values():
            left = re.findall(rf"\b({'|'.join(queries.TABLES)})\b", TABLE_NAME.sub("", query.sql))
            self.assertLessEqual(set(left), {"nation"}, query.number)

    def test_one_node(self):
        self.assert_answers(workers=0)

    def test_two_workers(self):
        self.assert_answers(workers=2)

    def assert_answers(self, workers):
        with processes.Cluster(binary(), self.folder, workers) as cluster:
            mooring = Mooring(cluster.host, cluster.port, processes.USER, "", f"lake.{SCHEMA}", distribute=workers > 0)
            for mode, settings in MODES.items():
                for setting in settings:
                    mooring.fetch(setting)
                for number, spread in enumerate(SPREADS, 1):
                    for query in self.queries.values():
                        with self.subTest(query=query.number, spread=number, pushdown=mode, workers=workers):
                            self.assert_answer(mooring, query, spread)
            if workers:
                self.assertEqual(mooring.workers_of("lineitem"), workers)

    def assert_answer(self, mooring, query, spread):
        try:
            answer = mooring.fetch(placed(query.sql, spread))
        except pymysql.MySQLError as error:
            self.fail(error)
        self.assertIsNone(compare.difference(self.right[query.number], answer, query.ordered_by, query.limit))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=Federation.scale)
    options, sys.argv[1:] = parser.parse_known_args()
    Federation.scale = options.scale
    processes.raise_on_terminate()
    counted.main()
