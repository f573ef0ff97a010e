"""Catalogs of the kind `hive`: what Spark wrote is read as Spark reads it, on one node and on two workers."""

import contextlib
import datetime
import decimal
import json
import math
import re
import tempfile
import unittest
import urllib.request
from pathlib import Path

import pymysql

import counted
import hive_metastore
from server import binary, processes


def cell(value):
    """As `write_tables.py` writes it."""
    match value:
        case decimal.Decimal():
            return format(value, "f")
        case float() if not math.isfinite(value):
            return str(value)
        case datetime.date():
            return str(value)
        case bytes():
            return value.hex()
        case _:
            return value


def cells(rows, expected):
    """As Spark writes them: a sum of whole numbers is a decimal here, as in MySQL."""

    def like(value, other):
        is_whole = isinstance(value, decimal.Decimal) and isinstance(other, int) and value == int(value)
        return int(value) if is_whole else cell(value)

    if [len(row) for row in rows] != [len(row) for row in expected]:
        return [[cell(value) for value in row] for row in rows]
    return [[like(value, other) for value, other in zip(*pair)] for pair in zip(rows, expected)]


def ours(query):
    """An array begins at 1 here, as in the standard, and at 0 in Spark."""
    sql = re.sub(r"\b(market|formats)\.", r"hive.\1.", query)
    return re.sub(r"\[(\d+)\]", lambda index: f"[{int(index[1]) + 1}]", sql)


# Their columns are not those that the metastore keeps.
OTHER_SCHEMA = {"formats.avro_by_schema": "avro.schema.literal"}


class Hive(unittest.TestCase):
    workers = 0
    metastore_of = staticmethod(hive_metastore.version_2)

    @classmethod
    def setUpClass(cls):
        folder = hive_metastore.tables()
        cls.expected = json.loads((folder / "expected.json").read_text())
        cls.metastore = cls.enterClassContext(cls.metastore_of(folder))
        state = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        state.joinpath("mooring.toml").write_text(
            f'[[catalog]]\nname = "hive"\nusing = "hive"\ntimeout_ms = 20000\n'
            f'uris = "thrift://127.0.0.1:1,thrift://127.0.0.1:{cls.metastore.port}"\n'
        )
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(state))
        cluster = cls.enterClassContext(processes.Cluster(binary(), state, cls.workers))
        connection = pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True)
        cls.addClassCleanup(connection.close)
        cls.cursor = connection.cursor()
        cls.http = cluster.processes[0].addresses["http"]
        cls.cursor.execute("USE `hive.market`")
        if cls.workers:
            cls.cursor.execute("SET distributed_bytes_per_partition = 1")

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def refused(self, sql, *words):
        with self.assertRaises(pymysql.MySQLError) as raised:
            self.rows(sql)
        for word in words:
            self.assertIn(word, str(raised.exception))

    def test_rows_are_those_of_the_writer(self):
        served = {name for (name,) in self.rows("SHOW TABLES")}
        for query, expected in self.expected.items():
            if hive_metastore.LARGE in query and hive_metastore.LARGE not in served:
                continue
            sql = ours(query)
            with self.subTest(sql):
                if table := next((table for table in OTHER_SCHEMA if table in query), None):
                    self.refused(sql, f"`{table}`", OTHER_SCHEMA[table])
                else:
                    self.assertEqual(cells(self.rows(sql), expected), expected)


class Definitions(Hive):
    """What each version of the metastore tells."""

    def test_names_are_listed(self):
        self.assertIn(("market",), self.rows("SHOW DATABASES"))
        self.rows("USE `lake.default`")
        self.assertIn(("hive.market",), self.rows("SHOW DATABASES"))
        self.rows("USE `hive.market`")
        tables = {name for (name,) in self.rows("SHOW TABLES")}
        self.assertLessEqual({"types", "sales", "evolved", "as_orc", "of_sales"}, tables)
        types = {row[0]: row[1] for row in self.rows("DESCRIBE types")}
        self.assertEqual((types["dec"], types["l"], types["ts"]), ("decimal(38,10)", "bigint", "datetime(6)"))
        self.refused("SHOW TABLES FROM `hive.nowhere`", "nowhere")
        self.refused("SELECT * FROM hive.market.salse", "salse")

    def test_views_are_described_by_their_definitions(self):
        self.assertEqual([row[:2] for row in self.rows("DESCRIBE of_sales")], [("id", "int")])
        self.assertEqual([row[0] for row in self.rows("DESCRIBE with_rank")], ["id", "place"])
        ((name, text, *_),) = self.rows("SHOW CREATE VIEW of_sales")
        self.assertEqual((name, text), ("of_sales", "CREATE VIEW `of_sales` AS SELECT id FROM sales"))
        kinds = dict(self.rows("SHOW FULL TABLES"))
        self.assertEqual((kinds["of_sales"], kinds["sales"]), ("VIEW", "BASE TABLE"))
        plan = "\n".join(line for (line,) in self.rows("EXPLAIN SELECT town FROM of_views WHERE id = 1"))
        self.assertIn("year=2023", plan)

    def test_partitions_that_do_not_match_are_not_read(self):
        plan = "\n".join(line for (line,) in self.rows("EXPLAIN SELECT id FROM sales WHERE year = 2023"))
        self.assertIn("year=2023", plan)
        self.assertNotIn("year=2024", plan)
        self.assertNotIn("elsewhere", plan)

    def test_what_would_be_read_wrong_is_refused_by_name(self):
        self.refused("SELECT * FROM of_source_csv", "`market.of_source_csv`", "csv")
        self.refused("SELECT * FROM iceberg_by_name", "`market.iceberg_by_name`", "Iceberg")
        self.refused("SELECT * FROM with_rank", "`hive.market.with_rank`", "rank")
        self.refused("CREATE SCHEMA hive.other", "`hive`", "only read")


class OneNode(Definitions):
    def calls(self):
        """Calls that were answered, by method, and listings of folders."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        counts = {}
        for line in lines:
            if match := re.match(r'mooring_metastore_calls_total\{.*method="(\w+)".*\} (\d+)', line):
                counts[match[1]] = counts.get(match[1], 0) + int(match[2])
            if match := re.match(r'mooring_storage_requests_total\{operation="list".*\} (\d+)', line):
                counts["list"] = counts.get("list", 0) + int(match[1])
        return counts

    def test_calls_and_listings_are_for_what_matches(self):
        for condition, partitions in [("p = 77", 1), ("p BETWEEN 70 AND 80", 11), ("p >= 7500", 2_500)]:
            before = self.calls()
            self.rows(f"SELECT count(*) FROM many WHERE {condition} AND id > 0")
            made = {method: count - before.get(method, 0) for method, count in self.calls().items()}
            made = {method: count for method, count in made.items() if count}
            with self.subTest(condition):
                self.assertEqual(made.pop("list"), partitions)
                self.assertEqual(made.pop("get_partitions_by_names"), -(-partitions // 1000))
                self.assertLessEqual(sum(made.values()), 3, made)

    @contextlib.contextmanager
    def outage(self):
        self.metastore.kill()
        try:
            yield
        finally:
            self.metastore.start()
            # Whoever comes first after an outage still gets what was kept.
            self.rows("REFRESH TABLE evolved")

    def questions(self, outcome):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            lines = answer.read().decode()
        found = re.search(rf'mooring_metastore_questions_total\{{catalog="hive",outcome="{outcome}"\}} (\d+)', lines)
        return int(found[1]) if found else 0

    def warned(self, sql):
        """The rows of a statement that is warned of old answers, once for its catalog."""
        rows = self.rows(sql)
        [(level, code, text)] = self.rows("SHOW WARNINGS")
        self.assertEqual((level, code), ("Warning", 1429), sql)
        self.assertRegex(text, r"catalog `hive` answered from what was kept, \d+ s old: ", sql)
        return rows

    def unwarned(self, sql):
        rows = self.rows(sql)
        self.assertEqual(self.rows("SHOW WARNINGS"), (), sql)
        return rows

    def test_while_the_metastore_is_gone_old_answers_serve_with_a_warning(self):
        statements = [
            "SELECT count(*) FROM evolved",
            "SELECT count(*) FROM sales WHERE year = 2024",
            "SELECT count(*) + (SELECT count(*) FROM evolved) FROM sales WHERE year = 2024",
            "DESCRIBE evolved",
            "SHOW TABLES",
            "SHOW CREATE TABLE evolved",
            "SHOW DATABASES FROM hive",
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'hive.market' AND table_name = 'evolved'",
        ]
        before = [self.unwarned(sql) for sql in statements]
        stale = self.questions("stale")
        with self.outage():
            self.assertEqual([self.warned(sql) for sql in statements], before)
            self.warned("EXPLAIN SELECT count(*) FROM evolved")
            self.assertEqual(self.unwarned("SELECT count(*) FROM tpch.tiny.region"), ((5,),))
            for never_asked in ("SELECT * FROM nothing_yet", "SELECT count(*) FROM sales WHERE year = 1066",
                                "REFRESH TABLE evolved"):
                self.refused(never_asked, "catalog `hive`", str(self.metastore.port))
            self.warned("SELECT count(*) FROM evolved")
            self.assertGreaterEqual(self.questions("stale") - stale, len(statements))
        self.assertEqual([self.unwarned(sql) for sql in statements], before)

    def test_a_dropped_table_does_not_come_back_while_the_metastore_is_gone(self):
        self.metastore.copy_table("market", "evolved", "passing")
        self.assertEqual(self.rows("SELECT count(*) FROM passing"), ((2,),))
        self.metastore.drop_table("market", "passing")
        self.refused("SELECT count(*) FROM passing", "passing", "does not exist")
        with self.outage():
            self.refused("SELECT count(*) FROM passing", "catalog `hive`", str(self.metastore.port))

    def test_refresh_is_for_tables_that_are_there(self):
        self.unwarned("REFRESH TABLE evolved")
        self.unwarned("REFRESH TABLE tpch.tiny.region")
        self.refused("REFRESH TABLE nothing_yet", "nothing_yet", "does not exist")
        self.refused("REFRESH TABLE tpch.tiny.nothing_yet", "nothing_yet")


class Version4(Definitions):
    metastore_of = staticmethod(hive_metastore.version_4)


class TwoWorkers(Hive):
    workers = 2


del Hive, Definitions

if __name__ == "__main__":
    counted.main()
