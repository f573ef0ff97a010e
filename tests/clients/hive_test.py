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
import metrics
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


class Cluster(unittest.TestCase):
    workers = 0
    metastore_of = staticmethod(hive_metastore.version_2)

    @classmethod
    def setUpClass(cls):
        folder = hive_metastore.tables()
        cls.expected = json.loads((folder / "expected.json").read_text())
        cls.metastore = cls.enterClassContext(cls.metastore_of(folder))
        state = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        state.joinpath("mooring.toml").write_text("".join(
            f'[[catalog]]\nname = "{name}"\nusing = "hive"\ntimeout_ms = 20000\n{more}'
            f'uris = "thrift://127.0.0.1:1,thrift://127.0.0.1:{cls.metastore.port}"\n'
            for name, more in [("hive", ""), ("berlin", 'parquet_time_zone = "Europe/Berlin"\n')]
        ))
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

    def calls(self):
        return metrics.calls(self.http)

    def counted(self, sql):
        """The rows of a statement, and what it has called."""
        before = self.calls()
        rows = self.rows(sql)
        made = {method: count - before.get(method, 0) for method, count in self.calls().items()}
        return rows, {method: count for method, count in made.items() if count}

    def pruned(self, sql, figure):
        """Of all scans of a query: how many there were, and how many were left."""
        plan = "\n".join(line for (line,) in self.rows(f"EXPLAIN ANALYZE {sql}"))
        number = r"(\d+(?:\.\d+)?)(?: ([KMB]))?"
        found = re.findall(rf"\b{figure}={number} total → {number} matched", plan)
        self.assertTrue(found, plan)
        thousands = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}
        total = sum(float(count) * thousands[unit] for count, unit, _, _ in found)
        return total, sum(float(count) * thousands[unit] for _, _, count, unit in found)


class Hive(Cluster):
    def test_rows_are_those_of_the_writer(self):
        served = {name for (name,) in self.rows("SHOW TABLES")}
        for query, expected in self.expected.items():
            if hive_metastore.LARGE in query and hive_metastore.LARGE not in served:
                continue
            sql = ours(query)
            with self.subTest(sql):
                self.assertEqual(cells(self.rows(sql), expected), expected)

    def test_conditions_are_in_scans_of_orc(self):
        sql = "SELECT name FROM hive.formats.orc_zlib WHERE id = 4711"
        self.assertEqual(self.rows(sql), (("name 4711",),))
        plan = "\n".join(line for (line,) in self.rows(f"EXPLAIN {sql}"))
        self.assertRegex(plan, r"file_type=ORC\b.*predicate=id@0 = 4711")

    def test_instants_are_wall_time_of_the_catalogs_zone(self):
        # ORC keeps the writer's wall time, of which Parquet has the instants.
        expected = self.expected["SELECT * FROM formats.orc_berlin ORDER BY id"]
        for table in ["parquet_berlin", "parquet_native_berlin"]:
            with self.subTest(table):
                rows = self.rows(f"SELECT * FROM berlin.formats.{table} ORDER BY id")
                self.assertEqual(cells(rows, expected), expected)

    # Spark's rows have them without the spaces at their ends.
    def test_values_of_char_are_filled_up(self):
        query = "SELECT id, str, v, rtrim(c) FROM formats.text_strings ORDER BY id"
        trimmed = {row[0]: row[3] for row in self.expected[query]}
        rows = [(id, None if text is None else f"{text:5}") for id, text in trimmed.items()]
        self.assertEqual(list(self.rows("SELECT id, c FROM hive.formats.text_strings ORDER BY id")), rows)
        for spaces in ("", " " * 7):
            for text in filter(None, trimmed.values()):
                same = [(id,) for id, other in trimmed.items() if other == text]
                with self.subTest(text, spaces=len(spaces)):
                    sql = "SELECT id FROM hive.formats.text_strings WHERE c = %s ORDER BY id"
                    self.cursor.execute(sql, [text + spaces])
                    self.assertEqual(list(self.cursor.fetchall()), same)

    def test_comparisons_of_char_do_not_see_spaces_at_the_end(self):
        for table in ("market.types", *(f"formats.{kind}_types" for kind in ("orc", "parquet", "avro", "text", "json"))):
            rows = self.expected[f"SELECT * FROM {table} ORDER BY l"]
            # No other column of theirs has it.
            count = sum("zwölf" in row for row in rows)
            for condition in ("c = 'zwölf'", "c = 'zwölf   '", "c IN ('x', 'zwölf ')", "c >= 'zwölf ' AND c < 'zwölg'"):
                with self.subTest(condition, table=table):
                    self.assertEqual(self.rows(f"SELECT count(*) FROM hive.{table} WHERE {condition}"), ((count,),))


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
        of_sales = "table_schema = 'hive.market' AND table_name = 'of_sales'"
        texts = self.rows(f"SELECT view_definition FROM information_schema.views WHERE {of_sales}")
        self.assertEqual(texts, (("SELECT id FROM sales",),))
        kinds = dict(self.rows("SHOW FULL TABLES"))
        self.assertEqual((kinds["of_sales"], kinds["sales"]), ("VIEW", "BASE TABLE"))
        plan = "\n".join(line for (line,) in self.rows("EXPLAIN SELECT town FROM of_views WHERE id = 1"))
        self.assertIn("year=2023", plan)

    def test_columns_have_their_comments(self):
        comments = {row[0]: row[8] for row in self.rows("SHOW FULL COLUMNS FROM evolved")}
        self.assertEqual(comments, {"id": "", "name": "came later"})
        self.assertEqual(dict(self.rows(
            "SELECT column_name, column_comment FROM information_schema.columns"
            " WHERE table_schema = 'hive.market' AND table_name = 'evolved'"
        )), comments)

    def test_partitions_that_do_not_match_are_not_read(self):
        plan = "\n".join(line for (line,) in self.rows("EXPLAIN SELECT id FROM sales WHERE year = 2023"))
        self.assertIn("year=2023", plan)
        self.assertNotIn("year=2024", plan)
        self.assertNotIn("elsewhere", plan)
        self.assertIn("partitions=2 of 7", plan)

    def test_all_partitions_are_counted_for_who_explains_alone(self):
        sql = "SELECT id FROM sales WHERE year = 2023"
        for statement, calls in [(sql, 0), (f"EXPLAIN {sql}", 1), (f"EXPLAIN ANALYZE {sql}", 1)]:
            _, made = self.counted(statement)
            self.assertEqual(made.get("get_num_partitions_by_filter", 0), calls, statement)

    def test_what_would_be_read_wrong_is_refused_by_name(self):
        self.refused("SELECT * FROM of_source_csv", "`market.of_source_csv`", "csv")
        self.refused("SELECT * FROM iceberg_by_name", "`market.iceberg_by_name`", "Iceberg")
        self.refused("SELECT * FROM with_rank", "`hive.market.with_rank`", "rank")
        self.refused("CREATE SCHEMA hive.other", "`hive`", "only read")


class OneNode(Definitions):
    def test_calls_and_listings_are_for_what_matches(self):
        for condition, partitions in [("p = 77", 1), ("p BETWEEN 70 AND 80", 11), ("p >= 7500", 2_500)]:
            _, made = self.counted(f"SELECT count(*) FROM many WHERE {condition} AND id > 0")
            with self.subTest(condition):
                self.assertEqual(made.pop("list"), partitions)
                self.assertEqual(made.pop("get_partitions_by_names"), -(-partitions // 1000))
                self.assertLessEqual(sum(made.values()), 3, made)

    def test_stripes_of_orc_that_have_no_row_are_not_read(self):
        # Each file has ids from 0 to 19,999, or a part of them in order.
        for kind in ("none", "zlib", "snappy", "zstd", "lz4"):
            table = f"hive.formats.orc_{kind}"
            for condition in ("id = 20000", "id < 0", "id IS NULL", "name > 'name 9999'", "name IS NULL"):
                with self.subTest(kind, condition=condition):
                    sql = f"SELECT id, name FROM {table} WHERE {condition}"
                    self.assertEqual(self.rows(sql), ())
                    total, matched = self.pruned(sql, "stripes_pruned_statistics")
                    self.assertGreater(total, 0)
                    self.assertEqual(matched, 0)
            sql = f"SELECT name FROM {table} WHERE id = 4711"
            self.assertEqual(self.rows(sql), (("name 4711",),))
            self.assertEqual(self.pruned(sql, "stripes_pruned_statistics")[1], 1)
            total, matched = self.pruned(f"SELECT name FROM {table}", "stripes_pruned_statistics")
            self.assertEqual(matched, total)

    def test_bytes_of_our_own_formats_are_counted(self):
        for table in ("orc_types", "avro_types", "text_types", "json_types", "csv_default"):
            plan = "\n".join(line for (line,) in self.rows(f"EXPLAIN ANALYZE SELECT * FROM hive.formats.{table}"))
            with self.subTest(table):
                self.assertRegex(plan, r"\bbytes_scanned=[1-9]")

    def test_parquets_bloom_filters_and_page_indexes_leave_out_what_has_no_row(self):
        # Between the least and the greatest name of a file. A filter may be wrong of some, and not of all.
        total, matched = 0, 0
        for number in (4711, 4712, 4713):
            sql = f"SELECT id, name FROM hive.formats.parquet_bloom WHERE name = 'name {number}x'"
            self.assertEqual(self.rows(sql), ())
            groups = self.pruned(sql, "row_groups_pruned_bloom_filter")
            total, matched = total + groups[0], matched + groups[1]
        self.assertLess(matched, total)
        # One that is there is found by the same filter.
        sql = "SELECT id, name FROM hive.formats.parquet_bloom WHERE name = 'name 4711'"
        self.assertEqual(self.rows(sql), ((4711, "name 4711"),))
        # Pages have 200 rows.
        sql = "SELECT count(*), min(name) FROM hive.formats.parquet_bloom WHERE id BETWEEN 990 AND 1210"
        total, matched = self.pruned(sql, "page_index_rows_pruned")
        self.assertLess(matched, total)
        self.assertGreaterEqual(matched, 1210 - 990 + 1)

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


class Limited(Cluster):
    metastore_of = staticmethod(hive_metastore.version_2_with_a_limit)

    def test_a_refusal_costs_no_call_too_many_and_only_once(self):
        expected = sorted(id for id, city in self.rows("SELECT id, city FROM sales") if city in ("Rome", "moved"))
        by_filter = []
        for _ in range(2):
            rows, made = self.counted("SELECT id FROM sales WHERE city IN ('Rome', 'moved')")
            self.assertEqual(sorted(id for (id,) in rows), expected)
            # Four partitions match.
            self.assertEqual(made.pop("list"), 4)
            self.assertEqual(made["get_partitions_by_names"], 1)
            self.assertLessEqual(sum(made.values()), 3 + 1, made)
            by_filter.append(made.get("get_partitions_by_filter", 0))
        self.assertEqual(by_filter, [1, 0])


class TwoWorkers(Hive):
    workers = 2

    def test_both_workers_run_tasks(self):
        self.rows("SELECT count(*), min(name) FROM hive.formats.parquet_bloom WHERE id >= 0")
        workers = self.rows("SELECT DISTINCT worker FROM system.runtime.tasks")
        self.assertEqual(len(workers), self.workers, workers)


del Cluster, Hive, Definitions

if __name__ == "__main__":
    counted.main()
