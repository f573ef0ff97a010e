"""PostgreSQL catalogs with a real server, on one node and on two workers. What psql says is what is right."""

import datetime
import decimal
import json
import tempfile
import threading
import time
import unittest
from pathlib import Path

import pymysql
import pymysql.constants.ER
import pymysql.cursors

import counted
from postgresql_server import ADMIN, ADMIN_PASSWORD, Postgres
from server import binary, processes

BOUND_S = 120
POLL_S = 0.05
# Ours are these; psql's own session is not.
HOLDING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mooring' AND state = 'idle in transaction'"
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mooring' AND state = 'active'"

TABLES = """
CREATE SCHEMA shop;
CREATE TYPE shop.mood AS ENUM ('sad', 'glad');
CREATE DOMAIN shop.price AS numeric(10, 2);
CREATE TYPE shop.pair AS (a int, b text);
CREATE TABLE shop.every (
  id int4 PRIMARY KEY, bo bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(30, 10), nn numeric,
  t text, vc varchar(20), c char(5), na name, by bytea, d date, ti time, ts timestamp, tz timestamptz, tt timetz,
  iv interval, u uuid, j json, jb jsonb, m shop.mood, p shop.price, pr shop.pair, mo money, o oid, ip inet, ci cidr,
  ma macaddr, bi bit(3), vb varbit, x xml, ts_v tsvector, r int4range, po point, ia int4[], ta text[], ea shop.mood[]);
INSERT INTO shop.every VALUES (
  1, true, -32768, -2147483648, -9223372036854775808, 1.5, 1e300, 12345678901234567890.0123456789, -0.000000001,
  E'blåbær 🫐', 'x', 'ab', 'a_name', '\\x00ff10', '0001-01-01', '23:59:59.999999', '1969-12-31 23:59:59.999999',
  '2024-02-29 12:00:00.5+02', '10:00+02', '1 year 2 days 03:04:05.6', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{"a": 1}',
  '{"b": [1, 2]}', 'glad', 12.34, '(1,x)', 1234.56, 4294967295, '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '101', '1',
  '<a>1</a>', 'a fat cat', '[1,5)', '(1,2)', '{1,NULL,3}', '{a,"b c",NULL}', '{sad,glad}');
INSERT INTO shop.every (id, d, ts, ia, t, c) VALUES (2, '9999-12-31', '9999-12-31 23:59:59.999999', '{}', '', '');
INSERT INTO shop.every (id) VALUES (3);
CREATE TABLE shop.empty (a int4, b text);
CREATE SEQUENCE shop.serial;
CREATE TABLE shop.numbers AS SELECT g AS id, g % 7 AS k, 'text ' || g AS t FROM generate_series(1, 60000) g;
ALTER TABLE shop.numbers ADD PRIMARY KEY (id);
CREATE TABLE shop."Parted" (k int4 NOT NULL, v int8) PARTITION BY RANGE (k);
CREATE TABLE shop.low PARTITION OF shop."Parted" FOR VALUES FROM (0) TO (20000);
CREATE TABLE shop.high PARTITION OF shop."Parted" FOR VALUES FROM (20000) TO (40000);
INSERT INTO shop."Parted" SELECT g, 2 * g FROM generate_series(0, 39999) g;
CREATE VIEW shop.seen AS SELECT k, count(*) AS n FROM shop.numbers GROUP BY k;
CREATE MATERIALIZED VIEW shop.kept AS SELECT * FROM shop.numbers;
CREATE VIEW shop.endless AS SELECT generate_series(1::int8, 1000000000000) AS g;
CREATE TABLE shop.large AS SELECT repeat(md5(g::text), 8) AS t FROM generate_series(1, 200000) g;
CREATE TABLE shop.left_side AS SELECT g AS id, 100::int8 AS v FROM generate_series(1, 20000) g;
CREATE TABLE shop.right_side AS SELECT g AS id, 100::int8 AS v FROM generate_series(1, 20000) g;
CREATE SCHEMA odd;
CREATE TABLE odd.dates (id int4, d date);
INSERT INTO odd.dates VALUES (1, 'infinity'), (2, '2020-01-01'), (3, '-infinity');
CREATE TABLE odd.doubles (id int4, g int4, f float8);
INSERT INTO odd.doubles VALUES (1, 1, 0.0), (2, 1, '-0'), (3, 1, 'NaN'), (4, 2, 'Infinity'), (5, 3, '-Infinity'), (6, 4, NULL),
  (7, 5, 1.5), (8, 5, 'Infinity'::float8 - 'Infinity'::float8), (9, 5, -3);
ANALYZE;
"""

# How the value of a column is told by psql, where its own text is not what to compare with, and what makes the two one.
SAME = (lambda name: f"{name}::text", str, str)
NUMBER = (lambda name: f"{name}::text", decimal.Decimal, decimal.Decimal)
LIST = (lambda name: f"array_to_json({name})::text", json.loads, json.loads)
COMPARED = {
    "bo": (lambda name: f"{name}::int::text", str, str),
    **dict.fromkeys(["id", "i2", "i4", "i8", "n", "nn", "p", "o"], NUMBER),
    **dict.fromkeys(["f4", "f8"], (lambda name: f"{name}::text", float, float)),
    "mo": (lambda name: f"{name}::numeric::text", decimal.Decimal, decimal.Decimal),
    # Without the spaces that no comparison in PostgreSQL sees.
    "c": (lambda name: f"rtrim({name}::text)", str, str),
    "by": (lambda name: f"encode({name}, 'hex')", bytes.hex, str),
    "ti": (lambda name: f"extract(epoch FROM {name})::text", datetime.timedelta.total_seconds, float),
    "ts": (lambda name: f"to_char({name}, 'YYYY-MM-DD HH24:MI:SS.US')", lambda at: at.isoformat(" ", "microseconds"), str),
    "tz": (
        lambda name: f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
        lambda at: at.isoformat(" ", "microseconds"), str,
    ),
    **dict.fromkeys(["ia", "ta", "ea"], LIST),
}


class PostgreSql(unittest.TestCase):
    workers = 0

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Postgres(tls=True))
        cls.server.run(TABLES)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.rotated = cls.folder / "password"
        cls.rotated.write_text("the old one")
        sections = [
            cls.section("pg", split_bytes=65536, tls="verify-full", tls_ca_file=str(cls.server.certificate)),
            cls.section("coarse", split_bytes=16 << 20),
            cls.section("narrow", connections_max=2, connection_wait_ms=300),
            cls.section("locked", password="not the password"),
            cls.section("rotated", password=f"file:{cls.rotated}"),
        ]
        cls.folder.joinpath("mooring.toml").write_text("\n".join(sections))
        processes.run(
            binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(cls.folder)
        )
        cls.cluster = cls.enterClassContext(processes.Cluster(binary(), cls.folder, cls.workers))
        cls.connection = cls.connect()
        cls.cursor = cls.connection.cursor()

    @classmethod
    def section(cls, name, **more):
        """Of a user who may write."""
        login = {"user": ADMIN, "password": ADMIN_PASSWORD, "tls": "prefer"}
        return cls.server.section(name, **login | more)

    @classmethod
    def connect(cls, **more):
        connection = pymysql.connect(
            host=cls.cluster.host, port=cls.cluster.port, user=processes.USER, ssl_disabled=True, **more
        )
        cls.addClassCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SET distributed_bytes_per_partition = 1")
            cursor.execute("SET time_zone = '+00:00'")
        return connection

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def fails(self, sql):
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.rows(sql)
        return caught.exception.args[1]

    def until(self, holds, what):
        deadline = time.monotonic() + BOUND_S
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(POLL_S)

    def both(self, sql):
        """With push-down and without it; for an error its text."""
        answers = []
        for mode in ("on", "off"):
            self.rows(f"SET pushdown = {mode}")
            try:
                answers.append(self.rows(sql))
            except pymysql.MySQLError as error:
                answers.append(error.args[1])
        self.rows("SET pushdown = DEFAULT")
        return answers

    def running(self):
        return int(self.server.run(RUNNING)[0][0])

    def test_every_type(self):
        self.cursor.execute("SELECT * FROM pg.shop.every ORDER BY id")
        names = [column[0] for column in self.cursor.description]
        found = self.cursor.fetchall()
        told = ", ".join(COMPARED.get(name, SAME)[0](name) for name in names)
        expected = self.server.run(f"SET IntervalStyle = iso_8601; SELECT {told} FROM shop.every ORDER BY id")
        self.assertEqual(len(found), len(expected))
        for found_row, expected_row in zip(found, expected):
            for name, value, text in zip(names, found_row, expected_row):
                _, of_value, of_text = COMPARED.get(name, SAME)
                with self.subTest(column=name, row=found_row[0]):
                    if text is None:
                        self.assertIsNone(value)
                    else:
                        self.assertIsNotNone(value)
                        self.assertEqual(of_value(value), of_text(text))

    def test_names_are_listed_and_found_in_any_case(self):
        listed = {row[0] for row in self.rows("SHOW TABLES FROM `pg.shop`")}
        self.assertEqual(
            listed,
            {"every", "empty", "numbers", "Parted", "seen", "kept", "endless", "large", "left_side", "right_side"},
        )
        self.assertEqual(self.rows("SELECT count(*), sum(V) FROM PG.Shop.PARTED"), ((40000, 1599960000),))
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.high"), ((20000,),))

    def test_tables_views_and_partitions(self):
        self.assertEqual(self.rows("SELECT count(*), sum(a) FROM pg.shop.empty"), ((0, None),))
        for table in ["numbers", "kept"]:
            self.assertEqual(self.rows(f"SELECT count(*), sum(id) FROM pg.shop.{table}"), ((60000, 1800030000),))
        counts = [tuple(map(str, row)) for row in self.rows("SELECT k, n FROM pg.shop.seen ORDER BY k")]
        self.assertEqual(counts, self.server.run("SELECT k, n FROM shop.seen ORDER BY k"))
        workers = self.rows("SELECT DISTINCT worker FROM system.runtime.tasks")
        self.assertGreaterEqual(len(workers), self.workers)

    def test_queries_in_its_own_language(self):
        query = "SELECT k, (array_agg(id ORDER BY id))[2] AS \"Second\", 1.5 AS n FROM shop.numbers GROUP BY k -- its end"
        sql = f"SELECT q.k, q.second, n.t FROM TABLE(pg.system.query('{query}')) AS q JOIN pg.shop.numbers n ON n.id = q.second ORDER BY 1"
        self.assertEqual(self.rows(sql), tuple((k, (k or 7) + 7, f"text {(k or 7) + 7}") for k in range(7)))
        self.assertEqual(self.rows("SELECT count(*) FROM TABLE(pg.system.query('TABLE shop.numbers;'))"), ((60000,),))
        for wrong, words in [
            ("SELECT 1 AS a, 2 AS a", "`a`"),
            ("SELECT nothing FROM shop.numbers", "nothing"),
            ("SELECT 1; SELECT 2", "`pg`"),
            ("DELETE FROM shop.empty", "`pg`"),
            ("WITH gone AS (DELETE FROM shop.numbers RETURNING id) SELECT * FROM gone", "`pg`"),
            ("SELECT set_config('transaction_read_only', 'off', false)", "`pg`"),
        ]:
            with self.subTest(wrong):
                quoted = wrong.replace("'", "''")
                self.assertIn(words, self.fails(f"SELECT * FROM TABLE(pg.system.query('{quoted}'))"))
        # What a query does to its session ends with it.
        change = "SELECT set_config(''default_transaction_read_only'', ''off'', false) AS x"
        self.assertEqual(self.rows(f"SELECT * FROM TABLE(pg.system.query('{change}'))"), (("off",),))
        self.assertIn("`pg`", self.fails("SELECT * FROM TABLE(pg.system.query('SELECT nextval(''shop.serial'') AS x'))"))
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.numbers"), ((60000,),))
        self.assertIn("`lake`", self.fails("SELECT * FROM TABLE(lake.system.query('SELECT 1'))"))

    def test_a_query_that_is_wrong_is_not_a_changed_table(self):
        wrong_ones = ["SELECT * FROM nowhere", "SELECT * FROM", "SELECT no_such(1) AS x", "SELECT 'x'::int4 AS x"]
        # Not a part of a query.
        for wrong in [*wrong_ones, "EXPLAIN SELECT 1", "SHOW timezone"]:
            with self.subTest(wrong), self.assertRaises(pymysql.MySQLError) as caught:
                quoted = wrong.replace("'", "''")
                self.rows(f"SELECT * FROM TABLE(pg.system.query('{quoted}'))")
            self.assertEqual(caught.exception.args[0], pymysql.constants.ER.PARSE_ERROR, wrong)
            self.assertIn("SQLSTATE", caught.exception.args[1])

    def test_writes_are_refused_by_name(self):
        for sql in [
            "INSERT INTO pg.shop.numbers (id) VALUES (1)",
            "REPLACE INTO `pg.shop`.numbers (id) VALUES (1)",
            "UPDATE pg.shop.numbers SET k = 1",
            "DELETE FROM pg.shop.numbers WHERE k = 1",
            "TRUNCATE TABLE pg.shop.numbers",
            "ALTER TABLE pg.shop.numbers ADD more INT",
            "CREATE TABLE pg.shop.made (id INT)",
            "CREATE TABLE pg.shop.made AS SELECT 1",
            "CREATE OR REPLACE VIEW pg.shop.made AS SELECT 1",
            "DROP TABLE pg.shop.numbers",
        ]:
            with self.subTest(sql):
                error = self.fails(sql)
                self.assertIn("`pg`", error)
                self.assertIn("is read only", error)
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.numbers"), ((60000,),))
        self.assertNotIn("read only", self.fails("INSERT INTO lake.default.nothing VALUES (1)"))

    def test_places_of_rows_are_the_same(self):
        for function in ["row_number()", "rank()", "dense_rank()"]:
            with self.subTest(function):
                over = "PARTITION BY k ORDER BY id" if function == "row_number()" else "ORDER BY k"
                sql = f"SELECT id, {function} OVER ({over}) AS place FROM {{}}shop.numbers ORDER BY id LIMIT 10"
                right = tuple(tuple(map(int, row)) for row in self.server.run(sql.format("")))
                self.assertEqual(self.both(sql.format("pg.")), [right, right])

    def test_doubles_mean_the_same_there(self):
        # Sorts are in the order of IEEE 754, where -0.0 stands before 0.0; comparisons are as PostgreSQL's.
        for sql, right in [
            ("SELECT id FROM pg.odd.doubles WHERE g = 1 ORDER BY f, id LIMIT 3", "((2,), (1,), (3,))"),
            ("SELECT min(f), max(f) FROM pg.odd.doubles WHERE id < 3", "((-0.0, 0.0),)"),
            (
                "SELECT g, min(f), max(f) FROM pg.odd.doubles GROUP BY g ORDER BY g",
                "((1, -0.0, nan), (2, inf, inf), (3, -inf, -inf), (4, None, None), (5, -3.0, nan))",
            ),
            ("SELECT id, rank() OVER (ORDER BY f) FROM pg.odd.doubles WHERE g = 1 ORDER BY id", "((1, 2), (2, 1), (3, 3))"),
            ("SELECT count(*) FROM pg.odd.doubles WHERE f < -1e0", "((2,),)"),
            ("SELECT count(*) FROM pg.odd.doubles WHERE f = 0e0 OR id = 9", "((3,),)"),
        ]:
            with self.subTest(sql):
                self.assertEqual([repr(rows) for rows in self.both(sql)], [right, right])
        listed = self.both("SELECT count(*) FROM pg.odd.doubles WHERE f IN (0e0, 1.5e0, 5e0, 6e0, 7e0, 8e0)")
        self.assertEqual(listed[0], listed[1])

    def test_what_has_no_place_here_is_an_error_or_right(self):
        for sql in [
            "SELECT count(*) FROM {}odd.dates WHERE d > '2019-01-01'",
            "SELECT count(DISTINCT d) FROM {}odd.dates",
        ]:
            with self.subTest(sql):
                pushed, fetched = self.both(sql.format("pg."))
                self.assertEqual(pushed, ((int(self.server.run(sql.format(""))[0][0]),),))
                self.assertIn("infinity", fetched)
        sql = "SELECT d FROM pg.odd.dates WHERE d BETWEEN '2019-01-01' AND '2021-01-01'"
        right = ((datetime.date(2020, 1, 1),),)
        self.assertEqual(self.both(sql), [right, right])

    def test_conditions_choose_the_same_rows(self):
        for condition in [
            "id = 7", "id IN (1, 59999, 70000)", "id BETWEEN 100 AND 30000 AND k = 3", "k > 5", "t = 'text 12'",
            "t >= 'text 5999'", "k < 0", "id > 59000 OR id < 3", "t IS NULL", "t IS NOT NULL",
        ]:
            with self.subTest(condition):
                found = self.rows(f"SELECT count(*), coalesce(sum(id), 0) FROM pg.shop.numbers WHERE {condition}")
                expected = self.server.run(f"SELECT count(*), coalesce(sum(id), 0) FROM shop.numbers WHERE {condition}")
                self.assertEqual([tuple(map(str, found[0]))], expected)
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.`Parted` WHERE k < 10 OR k >= 39990"), ((20,),))
        self.assertEqual(len(self.rows("SELECT * FROM pg.shop.numbers LIMIT 5")), 5)

    def test_a_query_sees_one_state(self):
        """Each statement moves as much from one table to the other."""
        stop = threading.Event()
        failures = []

        def move():
            try:
                while not stop.is_set():
                    self.server.run(
                        "BEGIN; UPDATE shop.left_side SET v = v - 1; UPDATE shop.right_side SET v = v + 1; COMMIT; "
                        "VACUUM shop.left_side, shop.right_side"
                    )
            except RuntimeError as error:
                failures.append(error)

        mover = threading.Thread(target=move)
        mover.start()
        try:
            for _ in range(10):
                [(total, rows)] = self.rows(
                    "SELECT sum(v), count(*) FROM (SELECT v FROM pg.shop.left_side UNION ALL SELECT v FROM pg.shop.right_side) both_sides"
                )
                self.assertEqual((int(total), rows), (4_000_000, 40_000))
        finally:
            stop.set()
            mover.join()
        self.assertEqual(failures, [])

    def test_the_steps_of_a_recursion_see_one_state(self):
        self.server.run(
            "CREATE TABLE shop.chain AS SELECT n AS id, nullif(n - 1, 0) AS parent FROM generate_series(1, 8) n; "
            "CREATE VIEW shop.slow_chain AS SELECT id, parent FROM shop.chain WHERE pg_sleep(0.05) IS NOT NULL"
        )
        self.addCleanup(self.server.run, "DROP VIEW shop.slow_chain; DROP TABLE shop.chain")
        found = []
        reader = threading.Thread(target=lambda: found.append(self.rows(
            "WITH RECURSIVE r AS (SELECT id, 1 AS level FROM pg.shop.slow_chain WHERE parent IS NULL UNION ALL "
            "SELECT c.id, r.level + 1 FROM pg.shop.slow_chain c JOIN r ON c.parent = r.id) SELECT count(*), max(level) FROM r"
        )))
        reader.start()
        try:
            self.until(lambda: self.server.run(HOLDING) != [("0",)], "no transaction holds the snapshot")
            self.server.run("UPDATE shop.chain SET parent = 1 WHERE id = 8")
        finally:
            reader.join()
        self.assertEqual(found, [((8, 8),)])

    def assert_killed(self, sql):
        """`sql` reads until it is killed, and then the statement of its scan ends."""
        connection = self.connect()
        outcome = []

        def run():
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                outcome.append(None)
            except pymysql.MySQLError as error:
                outcome.append(error.args[0])

        thread = threading.Thread(target=run)
        thread.start()
        self.until(lambda: self.running() > 0, "the statement runs")
        self.rows(f"KILL QUERY {connection.thread_id()}")
        thread.join(BOUND_S)
        # ER_QUERY_INTERRUPTED.
        self.assertEqual(outcome, [1317])
        self.until(lambda: self.running() == 0, "the statement ends")

    def test_kill_query_reaches_the_database(self):
        self.assert_killed("SELECT count(*) FROM pg.shop.endless WHERE g % 2 = 0")

    def test_kill_query_reaches_through_a_join_that_finds_nothing(self):
        # Once the second side is read, a poll of the join looks at the pairs of 150,000 rows with each batch.
        sql = "SELECT count(*) FROM tpch.sf1.customer c JOIN coarse.shop.large l ON concat(c.c_name, l.t) = 'never'"
        plan = "\n".join(row[0] for row in self.rows("EXPLAIN " + sql))
        self.assertIn("NestedLoopJoinExec", plan)
        self.assert_killed(sql)

    def test_a_reader_that_goes_away_ends_the_statement(self):
        connection = self.connect(cursorclass=pymysql.cursors.SSCursor)
        cursor = connection.cursor()
        cursor.execute("SELECT g FROM pg.shop.endless")
        self.assertEqual(len(cursor.fetchmany(3)), 3)
        self.assertGreater(self.running(), 0)
        connection._force_close()
        self.until(lambda: self.running() == 0, "the statement ends")

    def test_connections_have_a_bound_and_waiting_has_one(self):
        if self.workers:
            self.skipTest("each process has one at least")
        connection = self.connect(cursorclass=pymysql.cursors.SSCursor)
        cursor = connection.cursor()
        cursor.execute("SELECT g FROM narrow.shop.endless")
        self.assertEqual(len(cursor.fetchmany(3)), 3)
        text = self.fails("SELECT * FROM narrow.shop.empty")
        self.assertIn("`narrow`", text)
        self.assertIn("`connections_max`", text)
        # Other catalogs do not feel it.
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.empty"), ((0,),))
        connection._force_close()
        self.until(lambda: self.running() == 0, "the statement ends")
        self.assertEqual(self.rows("SELECT count(*) FROM narrow.shop.empty"), ((0,),))

    def test_a_wrong_password_is_not_tried_again_and_again(self):
        before = self.refused_logins()
        for _ in range(10):
            text = self.fails("SELECT * FROM locked.shop.empty")
            self.assertIn("`locked`", text)
            self.assertIn("28P01", text)
            self.assertNotIn("not the password", text)
        self.assertEqual(self.refused_logins(), before + 1)

    def refused_logins(self):
        return self.server.log.read_text(errors="replace").count("password authentication failed")

    def test_a_changed_password_is_taken_up(self):
        self.assertIn("28P01", self.fails("SELECT * FROM rotated.shop.empty"))
        self.rotated.write_text(ADMIN_PASSWORD + "\n")
        self.assertEqual(self.rows("SELECT count(*) FROM rotated.shop.empty"), ((0,),))

    def test_connections_are_encrypted(self):
        self.rows("SELECT count(*) FROM pg.shop.empty")
        # The catalog `pg` is verified; the others, which prefer TLS, have it too.
        plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'mooring' AND NOT ssl"
        self.assertEqual(self.server.run(plain), [("0",)])

    def test_a_server_that_comes_back_is_read_again(self):
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.numbers WHERE k >= 0"), ((60000,),))
        self.server.stop()
        try:
            for _ in range(2):
                self.assertIn("`pg`", self.fails("SELECT count(*) FROM pg.shop.numbers WHERE k >= 0"))
            self.assertEqual(self.rows("SELECT count(*) FROM tpch.tiny.region"), ((5,),))
        finally:
            self.server.start()
        self.assertEqual(self.rows("SELECT count(*) FROM pg.shop.numbers WHERE k >= 0"), ((60000,),))

    def test_a_table_that_changes_is_planned_anew(self):
        self.server.run("CREATE TABLE shop.changing AS SELECT 1 AS a")
        self.assertEqual(self.rows("SELECT * FROM pg.shop.changing"), ((1,),))
        self.server.run("ALTER TABLE shop.changing ADD COLUMN b text DEFAULT 'x'")
        self.assertEqual(self.rows("SELECT * FROM pg.shop.changing"), ((1, "x"),))
        self.server.run("DROP TABLE shop.changing")
        self.fails("SELECT * FROM pg.shop.changing")


class Spread(PostgreSql):
    workers = 2


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
