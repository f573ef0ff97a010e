"""Catalogs of the kind `glue`: moto's server as Glue and S3, over Parquet that pyarrow wrote and read."""

import collections
import datetime
import http.server
import json
import os
import re
import tempfile
import threading
import unittest
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
import mysql.connector
import pymysql

import counted
import glue_moments
import glue_tables
import metrics
import moto_server
from listening import HOST, free_port
from server import binary, processes

# ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_CONNECT_TO_FOREIGN_DATA_SOURCE and ER_USER_LIMIT_REACHED.
ACCESS_DENIED = 1227
SOURCE_UNAVAILABLE = 1429
LIMIT_EXCEEDED = 1226
# As the file's environment has them for Glue; S3 takes them from the catalog's properties.
ENVIRONMENT = {name.upper(): value for name, value in moto_server.KEYS.items()}


def section(name, endpoint, **more):
    """A catalog of the configuration."""
    properties = {
        "name": name, "using": "glue", "endpoint": endpoint, "region": moto_server.REGION, "s3_endpoint": endpoint,
        "s3_region": moto_server.REGION, "s3_path_style": "true",
        "s3_access_key": moto_server.KEYS["aws_access_key_id"],
        "s3_secret_key": moto_server.KEYS["aws_secret_access_key"],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in (properties | more).items() if value is not None]
    return "\n".join(["[[catalog]]", *lines, ""])


def as_char(value, length):
    """A value of `char(length)` as Spark and Trino show it; what is too long is cut, as in Hive."""
    return None if value is None else f"{value[:length]:{length}}"


class Throttling(http.server.BaseHTTPRequestHandler):
    """Answers as Glue does to one who asks too much."""
    requests = 0

    def do_POST(self):
        type(self).requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


class Forwarding(http.server.BaseHTTPRequestHandler):
    """Hands each request on to moto, and keeps it with its answer."""
    endpoint = None
    exchanges = []
    OWN = {"host", "content-length", "connection", "accept-encoding"}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in self.OWN}
        request = urllib.request.Request(self.endpoint + self.path, body, headers)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
        self.exchanges.append((self.headers, body.decode(), content.decode()))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass


def signer(headers):
    """The access key that a request is signed with."""
    return re.search(r"Credential=([^/]+)/", headers["Authorization"])[1]


class Cluster(unittest.TestCase):
    workers = 0

    @classmethod
    def start(cls, *sections, environment=ENVIRONMENT):
        cls.enterClassContext(unittest.mock.patch.dict(os.environ, environment))
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        folder.joinpath("mooring.toml").write_text("\n".join(sections))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, cls.workers))
        cls.login = {"host": cluster.host, "port": cluster.port, "user": processes.USER, "ssl_disabled": True}
        connection = pymysql.connect(**cls.login)
        cls.addClassCleanup(connection.close)
        cls.cursor = connection.cursor()
        cls.http = cluster.processes[0].addresses["http"]

    def rows(self, sql):
        self.cursor.execute(sql)
        return list(self.cursor.fetchall())

    def refused(self, sql, *words):
        """The number of the error, whose text has the words and no secret."""
        with self.assertRaises(pymysql.MySQLError) as raised:
            self.rows(sql)
        number, text = raised.exception.args
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn(moto_server.KEYS["aws_secret_access_key"], text)
        return number


class Glue(Cluster):
    @classmethod
    def setUpClass(cls):
        cls.endpoint = cls.enterClassContext(moto_server.run())
        client = {"endpoint_url": cls.endpoint, "region_name": moto_server.REGION, **moto_server.KEYS}
        catalog = glue_tables.make(boto3.client("s3", **client), boto3.client("glue", **client))
        glue_moments.make(catalog)
        cls.expected = catalog.rows
        cls.start(
            section("glue", cls.endpoint), section("narrow", cls.endpoint, partitions_max=20),
            section("berlin", cls.endpoint, parquet_time_zone="Europe/Berlin"),
        )
        cls.cursor.execute("USE `glue.market`")
        if cls.workers:
            # Workers reach the bucket too, with the catalog's credentials.
            cls.cursor.execute("SET distributed_bytes_per_partition = 1")

    def same(self, sql, expected):
        def ordered(rows):
            return sorted(rows, key=lambda row: [str(int(value) if isinstance(value, bool) else value) for value in row])

        with self.subTest(sql):
            self.assertEqual(ordered(self.rows(sql)), ordered(expected))

    def test_rows_are_those_of_pyarrow(self):
        for table in ["types", "sales", "by_day", "many", "counted"]:
            self.same(f"SELECT * FROM {table}", self.expected[table])

    def test_conditions_on_partitions_leave_their_rows(self):
        sales, by_day = self.expected["sales"], self.expected["by_day"]
        for condition, holds in [
            ("year = 2023", lambda row: row[2] == 2023),
            ("year >= 2024", lambda row: (row[2] or 0) >= 2024),
            ("year IS NULL", lambda row: row[2] is None),
            ("city = 'Rome'", lambda row: row[3] == "Rome"),
            ("city = 'L''Aquila' AND year IN (2022, 2023)", lambda row: row[2] == 2023 and row[3] == "L'Aquila"),
            ("city > 'S'", lambda row: row[3] > "S"),
            ("city = 'São Paulo'", lambda row: row[3] == "São Paulo"),
            ("id = 3", lambda row: row[0] == 3),
        ]:
            self.same(f"SELECT * FROM sales WHERE {condition}", [row for row in sales if holds(row)])
        self.same(
            "SELECT * FROM by_day WHERE day BETWEEN '2024-02-28' AND '2024-03-01'",
            [row for row in by_day if "2024-02-28" <= str(row[1]) <= "2024-03-01"],
        )

    def test_instants_are_wall_time_of_the_files_zone_or_the_catalogs(self):
        for catalog, zone in [("glue", "UTC"), ("berlin", "Europe/Berlin")]:
            moments = glue_moments.moments(zone)
            self.same(
                f"SELECT id, ts, place.moment, many[1], many[2], named['a'], place.n FROM {catalog}.market.moments",
                [(number, wall, wall, wall, None, wall, number) for number, _, wall in moments],
            )
            # What is no wall time there, or no instant in the file, is as the file has it.
            self.same(
                f"SELECT id, ts, instant, wall FROM {catalog}.market.instants",
                [(number, wall, instant, instant) for number, instant, wall in moments],
            )
            self.same(f"SELECT * FROM {catalog}.market.types", self.expected["types"])

    def test_conditions_are_on_wall_time(self):
        moments = glue_moments.moments("Europe/Berlin")
        every = ["moments WHERE ts", "instants WHERE ts", "moments WHERE place.moment", "moments WHERE named['a']"]
        for bound in sorted({wall for _, _, wall in moments if wall})[::2]:
            for sign, holds, columns in [("=", bound.__eq__, every), (">", bound.__lt__, every[:2]), ("<", bound.__gt__, every[:2])]:
                ids = [(number,) for number, _, wall in moments if wall and holds(wall)]
                for column in columns:
                    self.same(f"SELECT id FROM berlin.market.{column} {sign} CAST('{bound}' AS TIMESTAMP(6))", ids)
        nulls = [(number,) for number, _, wall in moments if wall is None]
        for table in ["moments", "instants"]:
            self.same(f"SELECT id FROM berlin.market.{table} WHERE ts IS NULL", nulls)
            self.same(f"SELECT id FROM berlin.market.{table} WHERE CAST(ts AS DATE) = DATE '2024-03-10'", [
                (number,) for number, _, wall in moments if wall and str(wall.date()) == "2024-03-10"
            ])

    def test_ends_and_order_are_those_of_wall_time(self):
        for catalog, zone in [("glue", "UTC"), ("berlin", "Europe/Berlin")]:
            moments = glue_moments.moments(zone)
            walls = [wall for _, _, wall in moments if wall]
            # NULL comes first.
            ordered = sorted(moments, key=lambda row: (row[2] is not None, row[2] or 0, row[0]))
            for table in ["moments", "instants"]:
                with self.subTest(catalog=catalog, table=table):
                    name = f"{catalog}.market.{table}"
                    ends = self.rows(f"SELECT min(ts), max(ts), count(ts), count(*) FROM {name}")
                    self.assertEqual(ends, [(min(walls), max(walls), len(walls), len(moments))])
                    self.assertEqual(self.rows(f"SELECT max(ts) FROM {name}"), [(max(walls),)])
                    ids = [number for number, _, _ in ordered]
                    found = self.rows(f"SELECT id FROM {name} ORDER BY ts, id")
                    self.assertEqual([number for (number,) in found], ids)
                    last = self.rows(f"SELECT ts FROM {name} ORDER BY ts DESC LIMIT 3")
                    self.assertEqual([wall for (wall,) in last], [wall for _, _, wall in ordered[:-4:-1]])

    def test_a_path_has_the_zone_of_the_sessions_catalog(self):
        path = f"s3://{glue_tables.BUCKET}/moments/plain.parquet"
        for catalog, zone in [("berlin", "Europe/Berlin"), ("glue", "UTC")]:
            self.rows(f"USE `{catalog}.market`")
            plain = [row for row in glue_moments.moments(zone) if row[0] in glue_moments.PLAIN]
            self.same(f"SELECT id, ts FROM '{path}'", [(number, wall) for number, _, wall in plain])

    def test_a_zone_that_is_not_known_is_refused(self):
        self.refused("SELECT ts FROM lost", "lost/a.parquet", "`writer.time.zone`", "`Mars/Base`")

    def test_projected_tables_have_the_rows_of_their_folders(self):
        by_hour, by_bucket = self.expected["by_hour"], self.expected["by_bucket"]
        for table, condition, holds in [
            ("by_region", "id >= 0", lambda row: True),
            ("by_region", "region = 'us'", lambda row: row[1] == "us"),
            ("by_region", "region > 'eu'", lambda row: row[1] > "eu"),
            ("by_region", "region IN ('no where', 'elsewhere')", lambda row: False),
            ("by_bucket", "bucket_id IN (1, 77, 78)", lambda row: row[1] in (1, 77)),
            ("by_bucket", "bucket_id BETWEEN 78 AND 90 OR bucket_id > 999990", lambda row: row[1] in (79, 1_000_000)),
            # Beyond the range, though a file is there.
            ("by_bucket", "bucket_id = 1000001", lambda row: False),
            ("by_hour", "id >= 0", lambda row: True),
            ("by_hour", "day = '2024/02/29' AND hour > 3", lambda row: row[1:] == ("2024/02/29", 23)),
            ("by_hour", "day > '2024/02/28'", lambda row: row[1] > "2024/02/28"),
            ("by_hour", "hour < 4", lambda row: row[2] < 4),
            ("by_device", "device_id = 'b2'", lambda row: row[1] == "b2"),
            ("by_device", "device_id IN ('b2', 'x y:%41', 'b2', 'c3')", lambda row: row[1] in ("b2", "x y:%41")),
        ]:
            rows = [row for row in self.expected[table] if holds(row)]
            self.same(f"SELECT * FROM {table} WHERE {condition}", rows)
        self.assertEqual((len(by_hour), len(by_bucket)), (5, 5))

    def test_a_table_without_a_file_has_no_rows(self):
        for _ in range(2):
            self.same("SELECT * FROM hollow WHERE id > 0", [])
            self.same("SELECT count(*), max(id), min(code) FROM hollow", [(0, None, None)])
            self.same("SELECT t.l FROM types t JOIN hollow h ON t.i = h.id", [])

    def test_a_value_that_does_not_fit_is_told_with_its_file_and_column(self):
        for table, value in [("in_words", "seven"), ("too_large", "3000000000")]:
            file = f"s3://{glue_tables.BUCKET}/{table}/part-0.parquet"
            for sql in [f"SELECT id FROM {table}", f"SELECT n + id FROM {table}", f"SELECT sum(id) FROM {table} WHERE n > 0"]:
                with self.subTest(sql):
                    self.refused(sql, f"`{file}`", "column `id`", value)
            self.same(f"SELECT sum(n) FROM {table}", [(3,)])

    def test_a_value_of_a_query_is_one_folder(self):
        # A folder inside of the one of `a1`, which is its own too.
        a1 = [(0, "a1"), (2, "a1")]
        self.same("SELECT * FROM by_device WHERE device_id = 'a1'", a1)
        for device in ["a1/inner", "../by_device/a1", "..", ".", "../sales/2023/rome", "/", ""]:
            self.same(f"SELECT * FROM by_device WHERE device_id = '{device}'", [])

    def test_a_range_up_to_now_moves_with_it(self):
        def expected():
            today = datetime.datetime.now(datetime.UTC).date()
            first = today - datetime.timedelta(days=2)
            return [row for row in self.expected["lately"] if first <= row[1] <= today]

        # Midnight may pass in between.
        before, found, after = expected(), self.rows("SELECT * FROM lately ORDER BY day"), expected()
        self.assertEqual(len(before), 3)
        self.assertIn(found, [before, after])
        self.same(f"SELECT * FROM lately WHERE day = '{before[1][1]}'", [before[1]])

    # Apache Spark's reference, "Data Types" (https://spark.apache.org/docs/latest/sql-ref-datatypes.html): a column of
    # CharType(n) is read as n characters, and comparisons fill the shorter side up.
    def codes(self):
        """`code` is a `char(5)`, `wide` a `char(20)`, `str` a text: the same values in the file."""
        return [(id, as_char(code, 5), as_char(wide, 20), text) for id, code, wide, text in self.expected["codes"]]

    def test_values_of_char_are_filled_up(self):
        codes = self.codes()
        known = [code for _, code, _, _ in codes if code is not None]
        self.same("SELECT * FROM codes", codes)
        self.same(
            "SELECT min(code), max(code), count(code), count(*) FROM codes",
            [(min(known), max(known), len(known), len(codes))],
        )
        first = collections.Counter(code for code in known if code < "k11  ")
        self.same("SELECT code, count(*) FROM codes WHERE code < 'k11' GROUP BY code", list(first.items()))
        last = sorted(known, reverse=True)[:3]
        self.same("SELECT code FROM codes WHERE code IS NOT NULL ORDER BY code DESC LIMIT 3", [(code,) for code in last])

    def test_comparisons_of_char_do_not_see_spaces_at_the_end(self):
        codes = self.codes()
        first_wides = {wide for _, _, wide, _ in codes[:12]}
        for condition, holds in [
            ("code = 'k7'", lambda code, wide, text: code == "k7   "),
            ("'k7        ' = code", lambda code, wide, text: code == "k7   "),
            ("code = 'k500'", lambda code, wide, text: code == "k500 "),
            ("code = 'k998'", lambda code, wide, text: code == "k998 "),
            ("code = 'k998 is too long'", lambda code, wide, text: False),
            ("code IN ('k7', 'k12 ', 'k505')", lambda code, wide, text: code in ("k7   ", "k12  ", "k505 ")),
            ("code NOT IN ('k7', 'k12')", lambda code, wide, text: code not in ("k7   ", "k12  ")),
            ("code < 'k10'", lambda code, wide, text: code < "k10  "),
            ("code BETWEEN 'k10' AND 'k12'", lambda code, wide, text: "k10  " <= code <= "k12  "),
            ("code <> 'k7'", lambda code, wide, text: code != "k7   "),
            ("code = wide", lambda code, wide, text: as_char(code, 20) == wide),
            ("code IN (SELECT wide FROM codes WHERE id < 12)", lambda code, wide, text: as_char(code, 20) in first_wides),
            # Patterns and texts of other columns are compared with all of its characters.
            ("code LIKE 'k7'", lambda code, wide, text: False),
            ("code LIKE 'k7%  '", lambda code, wide, text: code.startswith("k7") and code.endswith("  ")),
            ("code = str", lambda code, wide, text: code == text),
        ]:
            found = [(row[0],) for row in codes if row[1] is not None and holds(*row[1:])]
            self.same(f"SELECT id FROM codes WHERE {condition}", found)
            self.same(f"SELECT count(*) FROM codes WHERE {condition}", [(len(found),)])
        self.same(
            "SELECT a.id, b.id FROM codes AS a JOIN codes AS b ON a.code = b.wide WHERE b.code IN ('k7', 'k505')",
            [(7, 7), (505, 505)],
        )

    def test_parameters_meet_char(self):
        connection = mysql.connector.connect(**self.login, use_pure=True)
        self.addCleanup(connection.close)
        for condition, values, ids in [
            ("code = ?", ["k7"], [7]),
            ("code = ?", ["k505   "], [505]),
            ("code = ?", ["k7 x"], []),
            ("code IN (?, ?)", ["k7", "k12  "], [7, 12]),
            ("code < ?", ["k1"], [0]),
        ]:
            with self.subTest(condition, values=values):
                cursor = connection.cursor(prepared=True)
                cursor.execute(f"SELECT id FROM glue.market.codes WHERE {condition} ORDER BY id", values)
                self.assertEqual(cursor.fetchall(), [(id,) for id in ids])
                cursor.close()

    def test_partitions_of_char_are_found(self):
        kinds = [(id, as_char(kind, 3)) for id, kind in self.expected["codes_by_kind"]]
        self.same("SELECT * FROM codes_by_kind", kinds)
        for condition, holds in [
            ("kind = 'a'", lambda kind: kind == "a  "),
            ("kind = 'b'", lambda kind: kind == "b  "),
            ("kind IN ('b ', 'grö')", lambda kind: kind in ("b  ", "grö")),
            ("kind > 'a'", lambda kind: kind is not None and kind > "a  "),
            ("kind IS NULL", lambda kind: kind is None),
        ]:
            found = [row for row in kinds if holds(row[1])]
            self.same(f"SELECT * FROM codes_by_kind WHERE {condition}", found)
            plan = "\n".join(line for (line,) in self.rows(f"EXPLAIN SELECT id FROM codes_by_kind WHERE {condition}"))
            self.assertIn(f"partitions={len(found)}", plan)


class OneNode(Glue):
    def calls(self):
        return metrics.calls(self.http)

    def test_calls_and_listings_are_for_what_matches(self):
        for condition, partitions, calls in [
            ("p = 7", 1, 1), ("p BETWEEN 10 AND 19", 10, 1), ("p IN (1, 2, 50)", 3, 1),
            # Without a condition: a call for each segment.
            ("id < 1000", glue_tables.MANY, 4),
        ]:
            before = self.calls()
            [(count,)] = self.rows(f"SELECT count(*) FROM many WHERE {condition} AND id >= 0")
            made = {method: count - before.get(method, 0) for method, count in self.calls().items()}
            made = {method: count for method, count in made.items() if count}
            with self.subTest(condition):
                self.assertEqual(count, partitions)
                self.assertEqual(made.pop("list"), partitions)
                self.assertEqual(made.pop("GetPartitions"), calls)
                self.assertLessEqual(sum(made.values()), 3, made)

    def test_projected_partitions_are_asked_of_nobody(self):
        for table, condition, folders, expected in [
            ("by_region", "region = 'eu'", 1, 1),
            ("by_region", "region = 'elsewhere'", 0, 0),
            ("by_bucket", "bucket_id = 77", 1, 1),
            ("by_bucket", "bucket_id BETWEEN 70 AND 79", 10, 2),
            ("by_hour", "day = '2024/02/29' AND hour > 20", 3, 1),
            ("by_hour", "day >= '2024/03/01'", 48, 1),
            ("by_device", "device_id IN ('b2', 'nobody')", 2, 1),
        ]:
            before = self.calls()
            [(count,)] = self.rows(f"SELECT count(*) FROM {table} WHERE {condition} AND id >= 0")
            made = {method: count - before.get(method, 0) for method, count in self.calls().items()}
            with self.subTest(f"{table}: {condition}"):
                self.assertEqual(count, expected)
                self.assertEqual(made.get("list", 0), folders)
                self.assertEqual(made.get("GetPartitions", 0), 0)

    def test_tables_are_described_without_a_look_at_their_files(self):
        before = metrics.requests(self.http)
        for table, columns in [
            ("types", list(glue_tables.TYPES)), ("sales", ["id", "amount", "year", "city"]), ("by_device", ["id", "device_id"]),
            *((table, list(glue_tables.HOLLOW)) for table in ["hollow", "spoiled", "adrift"]),
        ]:
            with self.subTest(table):
                for statement in ["DESCRIBE", "EXPLAIN", "SHOW COLUMNS FROM", "SHOW FULL COLUMNS FROM"]:
                    self.assertEqual([row[0] for row in self.rows(f"{statement} {table}")], columns, statement)
                self.assertEqual(self.rows(f"SHOW INDEX FROM {table}"), [])
                [(name, text)] = self.rows(f"SHOW CREATE TABLE {table}")
                self.assertEqual((name, re.findall(r"^  `(\w+)`", text, re.MULTILINE)), (table, columns))
                self.assertEqual([name for (name,) in self.rows(
                    "SELECT column_name FROM information_schema.columns"
                    f" WHERE table_schema = 'glue.market' AND table_name = '{table}' ORDER BY ordinal_position"
                )], columns)
        self.assertEqual(metrics.requests(self.http), before)
        # So a bucket that is not there, and a file that is no Parquet, are found when rows are wanted.
        self.refused("SELECT * FROM adrift", "s3://no-such-bucket/t")
        self.refused("SELECT * FROM spoiled", "spoiled/part-0.parquet")

    def test_what_a_projection_lacks_is_named(self):
        for condition in [
            "id = 1", "device_id > 'a'", "device_id LIKE 'a%'", "device_id IS NOT NULL", "device_id = 2024", "device_id IN (1, 2)",
        ]:
            sql = f"SELECT * FROM by_device WHERE {condition}"
            self.refused(sql, "`market.by_device`", "`device_id = 'value'`", "as text", "`injected`")
        self.refused("SELECT * FROM half_projected", "`market.half_projected`", "`projection.p.type`", "`injected`")
        number = self.refused("SELECT * FROM by_bucket WHERE id = 1", "`market.by_bucket`", "`partitions_max`")
        self.assertEqual(number, LIMIT_EXCEEDED)

    def test_glue_does_not_count_partitions(self):
        plan = "\n".join(line for (line,) in self.rows("EXPLAIN SELECT id FROM many WHERE p < 3"))
        self.assertIn("partitions=3, those that match", plan)

    def test_an_endpoint_without_statistics_of_columns_does_no_harm(self):
        method = "GetColumnStatisticsForTable"
        before = self.calls().get(method, 0)
        for _ in range(3):
            self.assertEqual(self.rows("SELECT id, p FROM counted WHERE id > 0"), [(1, 1)])
        # moto has no such call: it is tried, and then not again for a while.
        self.assertLessEqual(self.calls()[method] - before, 1)

    def test_names_are_listed(self):
        self.rows("USE `lake.default`")
        self.assertIn(("glue.market",), self.rows("SHOW DATABASES"))
        self.rows("USE `glue.market`")
        self.assertEqual({name for (name,) in self.rows("SHOW TABLES")}, set(self.expected))
        types = {row[0]: row[1] for row in self.rows("DESCRIBE Types")}
        self.assertEqual((types["amount"], types["l"], types["ts"]), ("decimal(38,10)", "bigint", "datetime(6)"))
        self.assertEqual(self.rows("DESCRIBE hollow"), [
            ("id", "int", "YES", "", None, ""), ("code", "char(5)", "YES", "", None, ""), ("name", "varchar(7)", "YES", "", None, ""),
        ])
        # As MySQL 8.4 and MariaDB 10.11 have it of such columns in utf8mb4, of four bytes a character.
        self.assertEqual(self.rows(
            "SELECT column_name, data_type, column_type, character_maximum_length, character_octet_length"
            " FROM information_schema.columns WHERE table_schema = 'glue.market' AND table_name = 'hollow'"
            " ORDER BY ordinal_position"
        ), [
            ("id", "int", "int", None, None), ("code", "char", "char(5)", 5, 20), ("name", "varchar", "varchar(7)", 7, 28),
        ])
        self.refused("SHOW TABLES FROM `glue.nowhere`", "nowhere")
        self.refused("SELECT * FROM glue.market.salse", "salse")

    def test_a_view_is_read_by_its_text(self):
        ids = sorted(row[0] for row in self.expected["sales"])
        self.assertEqual([id for (id,) in self.rows("SELECT id FROM of_sales ORDER BY id")], ids)

    def test_what_would_be_read_wrong_is_refused_by_name(self):
        self.refused("SELECT * FROM of_iceberg", "`market.of_iceberg`", "Iceberg")
        self.refused("SELECT * FROM as_rcfile", "`market.as_rcfile`", "RCFileInputFormat")
        # Without the user and the token in it.
        self.refused("SELECT * FROM by_url", "`market.by_url`", "`avro.schema.url` = `https://schemas.example/row.avsc`")
        self.refused("CREATE SCHEMA glue.other", "`glue`", "only read")

    def test_partitions_of_a_query_are_bounded(self):
        number = self.refused("SELECT count(*) FROM narrow.market.many WHERE id >= 0", "`market.many`", "`partitions_max`")
        self.assertEqual(number, LIMIT_EXCEEDED)
        # Glue itself leaves out the others.
        self.assertEqual(self.rows("SELECT id FROM narrow.market.many WHERE p = 7"), [(7,)])


class TwoWorkers(Glue):
    workers = 2

    def test_both_workers_run_tasks(self):
        self.rows("SELECT sum(id) FROM many WHERE id >= 0")
        workers = self.rows("SELECT DISTINCT worker FROM system.runtime.tasks")
        self.assertEqual(len(workers), self.workers, workers)


class AssumedRole(Cluster):
    """Another one's Data Catalog, which is read with the role that its owner gives."""
    ROLE = "arn:aws:iam::123456789012:role/reader"
    EXTERNAL_ID = "shared-with-nobody-else"

    @classmethod
    def setUpClass(cls):
        endpoint = cls.enterClassContext(moto_server.run())
        client = {"endpoint_url": endpoint, "region_name": moto_server.REGION, **moto_server.KEYS}
        cls.expected = glue_tables.make(boto3.client("s3", **client), boto3.client("glue", **client)).rows
        Forwarding.endpoint = endpoint
        server = http.server.ThreadingHTTPServer((HOST, 0), Forwarding)
        cls.addClassCleanup(server.server_close)
        threading.Thread(target=server.serve_forever).start()
        cls.addClassCleanup(server.shutdown)
        watched = f"http://{HOST}:{server.server_port}"
        # As every AWS tool is told where STS is; the catalog's `endpoint` is Glue's alone.
        cls.enterClassContext(unittest.mock.patch.dict(os.environ, {"AWS_ENDPOINT_URL_STS": watched}))
        cls.start(section(
            "glue", watched, s3_endpoint=endpoint, role_arn=cls.ROLE, external_id=cls.EXTERNAL_ID,
        ))

    def test_calls_are_signed_with_the_credentials_of_the_role(self):
        for _ in range(2):
            self.assertEqual(sorted(self.rows("SELECT * FROM glue.market.by_day")), sorted(self.expected["by_day"]))
        assumed, asked = [], []
        for headers, body, answer in Forwarding.exchanges:
            (asked if "X-Amz-Target" in headers else assumed).append((headers, body, answer))
        # Once: the credentials serve for an hour.
        [(headers, body, answer)] = assumed
        form = urllib.parse.parse_qs(body)
        self.assertEqual((form["Action"], form["RoleArn"]), (["AssumeRole"], [self.ROLE]))
        self.assertEqual((form["ExternalId"], form["RoleSessionName"]), ([self.EXTERNAL_ID], ["mooring"]))
        self.assertEqual(signer(headers), moto_server.KEYS["aws_access_key_id"])
        key = re.search(r"<AccessKeyId>(\w+)</AccessKeyId>", answer)[1]
        token = re.search(r"<SessionToken>([^<]+)</SessionToken>", answer)[1]
        self.assertTrue(key.startswith("ASIA"), key)
        self.assertGreaterEqual(len(asked), 4)
        for headers, _, _ in asked:
            self.assertEqual((signer(headers), headers["X-Amz-Security-Token"]), (key, token))


class Unwell(Cluster):
    @classmethod
    def setUpClass(cls):
        server = http.server.ThreadingHTTPServer((HOST, 0), Throttling)
        cls.addClassCleanup(server.server_close)
        threading.Thread(target=server.serve_forever).start()
        cls.addClassCleanup(server.shutdown)
        cls.gone = f"http://{HOST}:{free_port()}"
        cls.start(
            section("throttled", f"http://{HOST}:{server.server_port}", retries_max=2),
            section("gone", cls.gone, retries_max=1),
        )

    def test_one_that_is_gone_is_named(self):
        number = self.refused("SELECT * FROM gone.market.types", "catalog `gone`", self.gone)
        self.assertEqual(number, SOURCE_UNAVAILABLE)
        self.assertEqual(self.rows("SELECT count(*) FROM tpch.tiny.region"), [(5,)])

    def test_databases_of_the_others_are_listed_with_a_warning(self):
        self.assertIn(("tpch.tiny",), self.rows("SHOW DATABASES"))
        self.assertEqual(self.cursor._result.warning_count, 2)
        warnings = sorted(self.rows("SHOW WARNINGS"), key=lambda warning: warning[2])
        self.assertEqual([warning[:2] for warning in warnings], [("Warning", SOURCE_UNAVAILABLE)] * 2)
        for (_, _, text), name, reason in zip(warnings, ["gone", "throttled"], [self.gone, "ThrottlingException"]):
            self.assertTrue(text.startswith(f"`{name}` is left out: "), text)
            self.assertIn(reason, text)
        self.assertEqual(self.rows("SHOW DATABASES FROM tpch LIKE 'tiny'"), [("tiny",)])
        self.assertEqual(self.rows("SHOW WARNINGS"), [])

    def test_one_that_throttles_is_asked_again_and_named(self):
        number = self.refused("SELECT * FROM throttled.market.types", "catalog `throttled`", "ThrottlingException")
        self.assertEqual(number, SOURCE_UNAVAILABLE)
        # A call, and its two retries.
        self.assertGreaterEqual(Throttling.requests, 3)
        self.assertEqual(Throttling.requests % 3, 0)

    def test_wrong_properties_are_refused_at_the_start(self):
        for more, words in [
            ({"regions": "x"}, ["`glue`", "`regions`", "requests_per_second"]),
            ({"calls_max": 0}, ["`glue`", "`calls_max`"]),
            ({"external_id": "hunter2"}, ["`glue`", "`role_arn`"]),
            ({"parquet_time_zone": "Mars/Base"}, ["`glue`", "`parquet_time_zone`", "`Mars/Base`"]),
        ]:
            with self.subTest(more), tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                folder.joinpath("mooring.toml").write_text(section("glue", self.gone, **more))
                with self.assertRaises(processes.ProcessFailed) as raised:
                    processes.Cluster(binary(), folder)
                for word in words:
                    self.assertIn(word, str(raised.exception))
                self.assertNotIn("hunter2", str(raised.exception))


class Keyless(Cluster):
    @classmethod
    def setUpClass(cls):
        endpoint = cls.enterClassContext(moto_server.run())
        client = {"endpoint_url": endpoint, "region_name": moto_server.REGION, **moto_server.KEYS}
        glue_tables.make(boto3.client("s3", **client), boto3.client("glue", **client))
        cls.enterClassContext(unittest.mock.patch.dict(os.environ))
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        keyless = {"s3_access_key": None, "s3_secret_key": None}
        cls.start(
            section("keyless", endpoint, **keyless),
            "\n".join(["[lake]", f's3_endpoint = "{endpoint}"', f's3_region = "{moto_server.REGION}"', ""]),
            # No profile, and no instance: as the SDK and as the reader of files are told that.
            environment={
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_METADATA_ENDPOINT": f"http://{HOST}:{free_port()}",
            },
        )

    def test_credentials_that_nobody_has_are_told_as_such(self):
        for sql, catalog in [
            ("SELECT * FROM keyless.market.types", "keyless"), (f"SELECT * FROM 's3://{glue_tables.BUCKET}/types/part-0.parquet'", "lake"),
        ]:
            with self.subTest(sql):
                number = self.refused(sql, "no credentials", f"catalog `{catalog}`", "`AWS_ACCESS_KEY_ID`", "`s3_access_key`")
                self.assertEqual(number, ACCESS_DENIED)


del Cluster, Glue

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
