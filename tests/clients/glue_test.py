"""Catalogs of the kind `glue`: moto's server as Glue and S3, over Parquet that pyarrow wrote and read."""

import http.server
import json
import os
import re
import tempfile
import threading
import unittest
import unittest.mock
import urllib.request
from pathlib import Path

import boto3
import pymysql

import counted
import glue_tables
import moto_server
from listening import HOST, free_port
from server import binary, processes

# ER_CONNECT_TO_FOREIGN_DATA_SOURCE and ER_USER_LIMIT_REACHED.
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
    lines = [f"{key} = {json.dumps(value)}" for key, value in (properties | more).items()]
    return "\n".join(["[[catalog]]", *lines, ""])


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


class Cluster(unittest.TestCase):
    workers = 0

    @classmethod
    def start(cls, *sections):
        cls.enterClassContext(unittest.mock.patch.dict(os.environ, ENVIRONMENT))
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        folder.joinpath("mooring.toml").write_text("\n".join(sections))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, cls.workers))
        connection = pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True)
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
        cls.expected = glue_tables.make(boto3.client("s3", **client), boto3.client("glue", **client)).rows
        cls.start(section("glue", cls.endpoint), section("narrow", cls.endpoint, partitions_max=20))
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
        for table in ["types", "sales", "by_day", "many"]:
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


class OneNode(Glue):
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

    def test_names_are_listed(self):
        self.rows("USE `lake.default`")
        self.assertIn(("glue.market",), self.rows("SHOW DATABASES"))
        self.rows("USE `glue.market`")
        self.assertEqual({name for (name,) in self.rows("SHOW TABLES")}, set(self.expected))
        types = {row[0]: row[1] for row in self.rows("DESCRIBE Types")}
        self.assertEqual((types["amount"], types["l"], types["ts"]), ("decimal(38,10)", "bigint", "datetime(6)"))
        self.refused("SHOW TABLES FROM `glue.nowhere`", "nowhere")
        self.refused("SELECT * FROM glue.market.salse", "salse")

    def test_a_view_is_read_by_its_text(self):
        ids = sorted(row[0] for row in self.expected["sales"])
        self.assertEqual([id for (id,) in self.rows("SELECT id FROM of_sales ORDER BY id")], ids)

    def test_what_would_be_read_wrong_is_refused_by_name(self):
        self.refused("SELECT * FROM of_iceberg", "`market.of_iceberg`", "Iceberg")
        self.refused("SELECT * FROM as_rcfile", "`market.as_rcfile`", "RCFileInputFormat")
        self.refused("CREATE SCHEMA glue.other", "`glue`", "only read")

    def test_partitions_of_a_query_are_bounded(self):
        number = self.refused("SELECT count(*) FROM narrow.market.many WHERE id >= 0", "`market.many`", "`partitions_max`")
        self.assertEqual(number, LIMIT_EXCEEDED)
        # Glue itself leaves out the others.
        self.assertEqual(self.rows("SELECT id FROM narrow.market.many WHERE p = 7"), [(7,)])


class TwoWorkers(Glue):
    workers = 2

    def test_workers_read(self):
        self.rows("SELECT sum(id) FROM many WHERE id >= 0")
        self.assertGreater(self.rows("SELECT count(*) FROM system.runtime.tasks")[0][0], 0)


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
        ]:
            with self.subTest(more), tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                folder.joinpath("mooring.toml").write_text(section("glue", self.gone, **more))
                with self.assertRaises(processes.ProcessFailed) as raised:
                    processes.Cluster(binary(), folder)
                for word in words:
                    self.assertIn(word, str(raised.exception))
                self.assertNotIn("hunter2", str(raised.exception))


del Cluster, Glue

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
