"""Catalogs of the kind `mysql`: what MariaDB has is read as MariaDB's own answers say, on one node and on two workers;
and what Mooring has, by another Mooring. `mysql9_source_test.py` is the same with a MySQL in the place of MariaDB."""

import contextlib
import json
import random
import re
import socket
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import pymysql

import counted
import mariadb_tables
from listening import HOST, free_port
from mariadb_server import MariaDb
from server import PASSWORDS, add_users, binary, processes

# ER_CONNECT_TO_FOREIGN_DATA_SOURCE, ER_QUERY_ON_FOREIGN_DATA_SOURCE, ER_USER_LIMIT_REACHED, ER_QUERY_TIMEOUT,
# ER_SPECIFIC_ACCESS_DENIED_ERROR.
SOURCE_UNAVAILABLE = 1429
SOURCE_REFUSED = 1430
LIMIT_EXCEEDED = 1226
TIMED_OUT = 3024
ACCESS_DENIED = 1227
PATIENCE_S = 60
POLL_S = 0.05


def section(name, port, **more):
    """A catalog of the configuration."""
    properties = {
        "name": name, "using": "mysql", "host": HOST, "port": port, "user": "reader",
        "password": mariadb_tables.PASSWORD,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in (properties | more).items()]
    return "\n".join(["[[catalog]]", *lines, ""])


class Cluster(unittest.TestCase):
    workers = 0

    @classmethod
    def start(cls, folder, *sections):
        folder.mkdir()
        folder.joinpath("mooring.toml").write_text("\n".join(sections))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, cls.workers))
        cls.http = cluster.processes[0].addresses["http"]
        cls.login = {"host": cluster.host, "port": cluster.port, "user": processes.USER, "ssl_disabled": True}
        connection = pymysql.connect(**cls.login)
        cls.addClassCleanup(connection.close)
        cls.cursor = connection.cursor()

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
        self.assertNotIn(mariadb_tables.PASSWORD, text)
        return number


class OneNode(Cluster):
    server = MariaDb
    tables = mariadb_tables

    @classmethod
    def more_sections(cls, _port):
        return []

    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.source = cls.enterClassContext(cls.server(tls=True))
        with cls.source.connect() as connection:
            cls.tables.make(connection)
        cls.peer = cls.source.connect(database=mariadb_tables.DATABASE)
        cls.addClassCleanup(lambda: cls.peer.close())
        cls.secret = folder / "password"
        cls.secret.write_text("not it\n")
        port = cls.source.port
        certificate = str(cls.source.certificate)
        cls.start(
            folder / "mooring",
            section("shop", port),
            section("one", port, database=mariadb_tables.DATABASE),
            section("lenient", port, zero_dates="null"),
            section("ranges", port, parallel_reads="inconsistent", connections_max=4),
            section("locked", port, user="locker", parallel_reads="locked", connections_max=24),
            section("impatient", port, user="locker", parallel_reads="locked", connections_max=24, lock_wait_ms=1000),
            section("patient", port, user="locker", parallel_reads="locked", connections_max=24, lock_wait_ms=600_000),
            section("unlocked", port, parallel_reads="locked", connections_max=24),
            section("lonely", port, user="locker", parallel_reads="locked", connections_max=3),
            section("narrow", port, connections_max=1, connection_wait_ms=500),
            section("hurried", port, statement_timeout_ms=500),
            section("short", port, row_max_bytes=1 << 20),
            section("changed", port, password=f"file:{cls.secret}"),
            section("few", port, user="few"),
            section("plain", port, user="encrypted", tls="disable"),
            section("required", port, user="encrypted", tls="require"),
            section("chain", port, user="encrypted", tls="require", tls_ca_file=certificate),
            section("verified", port, user="encrypted", tls="verify-full", tls_ca_file=certificate, tls_server_name="localhost"),
            section("misnamed", port, user="encrypted", tls="verify-full", tls_ca_file=certificate, tls_server_name="db.example"),
            section("gone", free_port(), connect_timeout_ms=5000),
            section("hung", cls.silent_port(), connect_timeout_ms=500),
            *cls.more_sections(port),
        )
        cls.cursor.execute("USE `shop.market`")
        if cls.workers:
            cls.cursor.execute("SET distributed_bytes_per_partition = 1")

    @classmethod
    def silent_port(cls):
        """One that takes connections and says nothing."""
        listener = cls.enterClassContext(socket.create_server((HOST, 0)))
        return listener.getsockname()[1]

    def on_source(self, sql):
        with self.peer.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def same(self, sql, peer_sql=None):
        """The same rows as the server's own, in any order."""
        def ordered(rows):
            return sorted(rows, key=lambda row: [str(value) for value in row])

        with self.subTest(sql):
            self.assertEqual(ordered(self.rows(sql)), ordered(self.on_source(peer_sql or sql)))

    def statements(self, words):
        """The statements of the catalogs' users that run on MariaDB and have the words."""
        self.peer.ping(reconnect=True)
        sql = "SELECT INFO FROM information_schema.PROCESSLIST WHERE USER <> 'root' AND INFO LIKE %s"
        with self.peer.cursor() as cursor:
            cursor.execute(sql, (f"%{words}%",))
            return [info for (info,) in cursor.fetchall()]

    def await_statements(self, words, present):
        deadline = time.monotonic() + PATIENCE_S
        while bool(self.statements(words)) != present:
            self.assertLess(time.monotonic(), deadline, f"`{words}` is {'not there' if present else 'still there'}")
            time.sleep(POLL_S)

    @contextlib.contextmanager
    def running(self, sql, words):
        """While the statement runs on Mooring and at the source; it is killed at the end."""
        connection = pymysql.connect(**self.login)
        outcome = []

        def run():
            try:
                with connection.cursor() as cursor:
                    cursor.execute("USE `shop.market`")
                    cursor.execute(sql)
                    outcome.append(cursor.fetchall())
            except pymysql.MySQLError as error:
                outcome.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.await_statements(words, True)
            yield outcome
        finally:
            self.rows(f"KILL QUERY {connection.thread_id()}")
            thread.join(PATIENCE_S)
            self.assertFalse(thread.is_alive())
            connection.close()

    def test_every_type_has_the_values_of_the_server(self):
        actual = self.rows("SELECT * FROM all_types ORDER BY id")
        expected = self.on_source(f"{mariadb_tables.selected(self.tables.TYPES)} ORDER BY id")
        names = ["id", *(name for name, _, _, _ in self.tables.TYPES)]
        for row, other in zip(actual, expected, strict=True):
            for name, value, wanted in zip(names, row, other, strict=True):
                with self.subTest(name, id=row[0]):
                    self.assertEqual(value, wanted)

    def test_types_are_declared(self):
        declared = {row[0]: row[1] for row in self.rows("DESCRIBE all_types")}
        for name, expected in [
            ("tinyint", "tinyint"), ("bigint_unsigned", "bigint unsigned"), ("bit_64", "bigint unsigned"),
            ("decimal_65_10", "decimal(38,10)"), ("datetime", "datetime(6)"), ("timestamp_3", "timestamp(6)"),
            ("varbinary", "blob"), ("year", "smallint"),
        ]:
            self.assertEqual(declared[f"c_{name}"], expected, name)

    def test_tables_views_and_names(self):
        tables = {name for (name,) in self.rows("SHOW TABLES")}
        known = {name for (name,) in self.on_source("SHOW TABLES")} - {"counter"}
        self.assertEqual(tables, known)
        # Those of the current catalog have plain names.
        self.assertIn(("market",), self.rows("SHOW DATABASES"))
        for other in ["sys", "hidden"]:
            self.assertNotIn((other,), self.rows("SHOW DATABASES"))
            self.assertNotIn((f"lenient.{other}",), self.rows("SHOW DATABASES"))
        databases = [name for (name,) in self.rows("SHOW DATABASES") if name.startswith("one.")]
        self.assertEqual(databases, ["one.market"])
        for sql in ["SELECT * FROM of_orders", "SELECT * FROM parts", "SELECT * FROM `empty`", "SELECT count(*) FROM orders"]:
            self.same(sql)
        self.same("SELECT ID FROM SHOP.MARKET.`MIXED case`", "SELECT Id FROM `Mixed Case`")
        self.same("SELECT `a``b` FROM `Mixed Case`")
        self.same(
            "SELECT o.id, p.region FROM orders o JOIN shop.market.PARTS p ON o.id = p.id WHERE p.region > 1",
            "SELECT o.id, p.region FROM orders o JOIN parts p ON o.id = p.id WHERE p.region > 1",
        )
        self.refused("SELECT * FROM shop.market.nothing", "nothing")
        self.refused("SELECT * FROM shop.hidden.secret", "hidden")
        self.refused("SELECT * FROM of_gone", "`shop`", "`market.of_gone`")

    def test_conditions_lose_no_row(self):
        # As MariaDB answers under a collation of bytes, which is ours.
        for condition, peer in [
            ("id = 3", None), ("id IN (1, 5, 9)", None), ("id > 2 AND id <= 4", None), ("id < 2 OR id > 4", None),
            ("price = 10.5", None), ("price BETWEEN 0 AND 10.5", None), ("day = '2024-01-31'", None),
            ("day >= '2024-01-31'", None), ("day IS NULL", None), ("day IS NOT NULL", None),
            ("at > '2024-01-31 10:00:00.250'", None), ("at >= '2024-01-31 10:00:00.2501'", None),
            ("at = '2024-01-31 10:00:00.250'", None), ("at < '2024-01-31 10:00:00.2505'", None),
            ("customer = 'ana'", "BINARY customer = 'ana'"), ("customer = 'ANA '", "BINARY customer = 'ANA '"),
            ("customer > 'Zo'", "BINARY customer > 'Zo'"), ("customer = 'Zoë'", "BINARY customer = 'Zoë'"),
            ("code = 'a'", "BINARY code = 'a'"), ("code > 'a'", "BINARY code > 'a'"), ("code <= 'a'", "BINARY code <= 'a'"),
            ("state = 'closed'", "BINARY state = 'closed'"), ("state = 'Closed'", "BINARY state = 'Closed'"),
            ("note = 'x''y'", None), ("note = '\\\\'", None), ("note = ''", "BINARY note = ''"), ("note = '%'", None),
        ]:
            self.same(f"SELECT id FROM orders WHERE {condition}", f"SELECT id FROM orders WHERE {peer or condition}")
        self.same("SELECT id FROM all_types WHERE c_bigint_unsigned = 18446744073709551615")
        self.same("SELECT id FROM all_types WHERE c_bigint < 0")
        self.same("SELECT id FROM all_types WHERE c_double = 0.1e0", "SELECT id FROM all_types WHERE c_double = 0.1")
        self.assertEqual(len(self.rows("SELECT id FROM numbers LIMIT 7")), 7)

    def test_conditions_and_columns_go_to_the_server(self):
        self.assertEqual(self.read_rows("shop", "SELECT half FROM numbers WHERE id BETWEEN 10 AND 19"), 10)
        self.assertEqual(self.read_rows("shop", "SELECT half FROM numbers LIMIT 5"), 5)
        # Checked here: what follows under the column's collation is another order.
        self.assertEqual(self.read_rows("shop", "SELECT id FROM orders WHERE customer > 'Zo'"), 5)

    def read_rows(self, catalog, sql):
        """Rows that came from the server for the statement."""
        before = self.counted("rows_read_total", catalog)
        self.rows(sql)
        if self.workers:
            self.skipTest("workers count by themselves")
        return self.counted("rows_read_total", catalog) - before

    def counted(self, name, catalog):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.findall(rf'mooring_database_{name}{{catalog="{catalog}"}} (\d+)', text)
        return sum(map(int, found))

    def test_dates_that_no_calendar_has(self):
        self.refused("SELECT day FROM zero_days", "`shop`", "`day`", "`zero_dates`")
        self.assertEqual(
            self.rows("SELECT id, day IS NULL, at IS NULL FROM lenient.market.zero_days ORDER BY id"),
            [(1, 1, 0), (2, 1, 1), (3, 0, 1)],
        )
        self.assertEqual(self.rows("SELECT id FROM lenient.market.zero_days WHERE day IS NULL ORDER BY id"), [(1,), (2,)])
        self.assertEqual(self.rows("SELECT id FROM lenient.market.zero_days WHERE at IS NULL ORDER BY id"), [(2,), (3,)])

    def test_decimals_that_do_not_fit_are_errors(self):
        self.assertEqual(self.rows("SELECT d FROM decimals WHERE id = 1"), self.on_source("SELECT d FROM decimals WHERE id = 1"))
        self.refused("SELECT d FROM decimals", "`shop`", "`d`")

    def test_long_rows(self):
        expected = [(length, length, "xxend") for length in mariadb_tables.LONG_BYTES]
        sql = "SELECT id, length(c), substring(c, length(c) - 4, 5) FROM {} ORDER BY id"
        self.assertEqual(self.rows(sql.format("long_rows")), expected)
        self.assertEqual(self.refused(sql.format("short.market.long_rows"), "`short`", "`row_max_bytes`"), LIMIT_EXCEEDED)
        self.same("SELECT id FROM short.market.orders", "SELECT id FROM orders")

    def test_queries_in_its_own_language(self):
        query = "SELECT id, CONVERT(id, CHAR) AS text, price FROM market.orders WHERE id IN (SELECT MAX(id) FROM market.orders)"
        self.same(f"SELECT * FROM TABLE(shop.system.query('{query} -- its end'))", query)
        for wrong, words in [
            ("SELECT 1 AS a, 2 AS A", "a"),
            ("SELECT nothing FROM market.orders", "nothing"),
            ("SELECT 1; SELECT 2", "`shop`"),
            ("DELETE FROM market.orders", "`shop`"),
        ]:
            with self.subTest(wrong):
                self.refused(f"SELECT * FROM TABLE(shop.system.query('{wrong}'))", words)
        self.same("SELECT count(*) FROM orders")

    def test_what_a_query_does_to_its_session_ends_with_it(self):
        self.on_source("CREATE FUNCTION changes() RETURNS INT BEGIN SET @mark = 7; SET SESSION time_zone = '+05:00'; RETURN 1; END")
        self.addCleanup(self.on_source, "DROP FUNCTION changes")
        self.on_source("GRANT EXECUTE ON FUNCTION market.changes TO reader")
        # One worker or the other may have the session.
        for _ in range(4):
            for change, told in [("SELECT @mark := 7 AS x", 7), ("SELECT market.changes() AS x", 1)]:
                with self.subTest(change):
                    self.assertEqual([(int(x),) for (x,) in self.rows(f"SELECT x FROM TABLE(shop.system.query('{change}'))")], [(told,)])
                    self.assertEqual(self.rows("SELECT x IS NULL FROM TABLE(shop.system.query('SELECT CAST(@mark AS CHAR) AS x'))"), [(1,)])
                    self.assertEqual(self.rows("SELECT x FROM TABLE(shop.system.query('SELECT @@time_zone AS x'))"), [("+00:00",)])

    def test_ranges_are_the_table(self):
        sql = "SELECT count(*), sum(id), sum(half), count(DISTINCT id) FROM {}"
        expected = self.on_source(sql.format("numbers"))
        for catalog in ["shop", "ranges", "locked", "lonely"]:
            self.assertEqual(self.rows(sql.format(f"{catalog}.market.numbers")), expected)
        plan = "\n".join(str(row) for row in self.rows("EXPLAIN SELECT id FROM ranges.market.numbers"))
        # By one task, or by one each.
        self.assertRegex(plan, r"splits=2|t1: SplitExec")

    def test_a_locked_table_is_one_piece(self):
        for catalog, table, is_locked in [
            ("locked", "numbers", True), ("locked", "old_engine", False), ("locked", "orders", False), ("lonely", "numbers", False),
        ]:
            with self.subTest(f"{catalog} {table}"):
                plan = "\n".join(str(row) for row in self.rows(f"EXPLAIN SELECT id FROM {catalog}.market.{table}"))
                self.assertIn("splits=1", plan)
                self.assertEqual("ranges under a lock" in plan, is_locked)
                self.same(f"SELECT id FROM {catalog}.market.{table} WHERE id % 1000 = 1", f"SELECT id FROM {table} WHERE id % 1000 = 1")

    def test_ranges_of_a_locked_table_are_its_rows(self):
        with self.plain_scans() as cursor:
            cursor.execute("SELECT id, half FROM locked.market.numbers")
            self.assertEqual(sorted(cursor.fetchall()), sorted(self.on_source("SELECT id, half FROM numbers")))
            # Rows that are not there, and few of them.
            for condition in ["half < 0", "half BETWEEN 10 AND 12"]:
                cursor.execute(f"SELECT id FROM locked.market.numbers WHERE {condition}")
                found = sorted(cursor.fetchall())
                self.assertEqual(found, sorted(self.on_source(f"SELECT id FROM numbers WHERE {condition}")))

    @contextlib.contextmanager
    def plain_scans(self, cursor_class=pymysql.cursors.Cursor):
        """A cursor whose queries have the rows of tables come, and nothing that the server makes of them."""
        connection = pymysql.connect(**self.login, cursorclass=cursor_class)
        cursor = connection.cursor()
        try:
            cursor.execute("SET pushdown = off")
            yield cursor
        finally:
            self.rows(f"KILL QUERY {connection.thread_id()}")
            with contextlib.suppress(pymysql.MySQLError):
                while cursor.fetchone() is not None:
                    pass
            connection.close()

    def snapshots(self):
        """How many transactions of the catalogs' user are open at the server."""
        (count,), = self.on_source(
            "SELECT count(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p"
            " ON p.ID = t.trx_mysql_thread_id WHERE p.USER = 'locker'"
        )
        return count

    def await_snapshots(self, wanted):
        deadline = time.monotonic() + PATIENCE_S
        while (count := self.snapshots()) != wanted:
            self.assertLess(time.monotonic(), deadline, f"{count} transactions are open")
            time.sleep(POLL_S)

    def test_ranges_of_a_locked_table_are_one_state_of_it(self):
        moves = Moves(self.source.connect(database=mariadb_tables.DATABASE))
        rows, step = mariadb_tables.NUMBERS, mariadb_tables.STEP
        with self.plain_scans() as cursor, moves:
            for _ in range(20):
                done = moves.done
                cursor.execute("SELECT count(*), count(DISTINCT id), sum(amount) FROM locked.market.balances")
                self.assertEqual(cursor.fetchall(), ((rows, rows, rows * mariadb_tables.AMOUNT),))
                moves.await_more(done)
        self.await_snapshots(0)
        with self.plain_scans() as cursor:
            sql = "SELECT sum(id), sum(id * amount) FROM {}balances WHERE id > %s"
            for least in [0, step, step * rows // 2]:
                cursor.execute(sql.format("locked.market."), (least,))
                found = list(cursor.fetchall())
                self.assertEqual(found, self.on_source(sql.format("").replace("%s", str(least))))

    def test_a_lock_ends_before_the_read(self):
        with self.plain_scans(pymysql.cursors.SSCursor) as cursor:
            # Far more rows than anybody keeps before they are fetched.
            cursor.execute("SELECT n.id, o.o_orderkey FROM tpch.tiny.orders o CROSS JOIN locked.market.numbers n")
            self.assertIsNotNone(cursor.fetchone())
            self.assertGreaterEqual(self.snapshots(), 2)
            self.on_source("SET SESSION lock_wait_timeout = 60")
            with self.peer.cursor() as peer:
                self.assertEqual(peer.execute("UPDATE numbers SET half = -1 WHERE id = 1"), 1)
                self.assertEqual(peer.execute("UPDATE numbers SET half = 0 WHERE id = 1"), 1)
            self.assertGreaterEqual(self.snapshots(), 2)
        # Who goes away leaves no transaction, no lock and no place in the pool.
        self.await_snapshots(0)
        self.on_source("ALTER TABLE numbers COMMENT = 'as before'")
        with self.plain_scans() as cursor:
            cursor.execute("SELECT sum(half) FROM locked.market.numbers")
            self.assertEqual(list(cursor.fetchall()), self.on_source("SELECT sum(half) FROM numbers"))
        self.await_snapshots(0)

    def test_a_table_that_must_not_be_locked_is_named(self):
        with self.plain_scans() as cursor:
            with self.assertRaises(pymysql.MySQLError) as raised:
                cursor.execute("SELECT id FROM unlocked.market.numbers")
            number, text = raised.exception.args
            self.assertEqual(number, ACCESS_DENIED)
            for word in ["`unlocked`", "`market.numbers`", "LOCK TABLES", "`parallel_reads`"]:
                self.assertIn(word, text)
            # A small one needs no lock.
            cursor.execute("SELECT id FROM unlocked.market.orders")
            self.assertEqual(len(cursor.fetchall()), 5)

    def test_a_lock_is_waited_for_so_long(self):
        writer = self.source.connect(database=mariadb_tables.DATABASE)
        self.addCleanup(writer.close)
        sql = "SELECT id FROM impatient.market.numbers WHERE half = 7"
        with self.plain_scans() as cursor, writer.cursor() as other:
            other.execute("BEGIN")
            other.execute("UPDATE numbers SET half = half + 1 WHERE id = 14")
            with self.assertRaises(pymysql.MySQLError) as raised:
                cursor.execute(sql)
            number, text = raised.exception.args
            self.assertEqual(number, TIMED_OUT)
            for word in ["`impatient`", "`market.numbers`", "`lock_wait_ms` = 1000"]:
                self.assertIn(word, text)
            # Nobody waits for a lock any more that others would have to wait for.
            other.execute("UPDATE numbers SET half = half WHERE id = 15")
            other.execute("ROLLBACK")
            cursor.execute(sql)
            self.assertEqual(sorted(cursor.fetchall()), [(14,), (15,)])
        self.await_snapshots(0)

    def test_a_query_that_waits_for_a_lock_can_be_killed(self):
        writer = self.source.connect(database=mariadb_tables.DATABASE)
        self.addCleanup(writer.close)
        with writer.cursor() as other:
            other.execute("BEGIN")
            other.execute("UPDATE numbers SET half = half + 1 WHERE id = 14")
            with self.running("SELECT half FROM patient.market.numbers", "LOCK TABLES") as outcome:
                self.assertEqual(outcome, [])
            self.await_statements("LOCK TABLES", False)
            other.execute("ROLLBACK")
        self.await_snapshots(0)

    def test_a_statement_that_nobody_wants_ends_at_the_server(self):
        for view in ["endless", "silent"]:
            with self.subTest(view):
                with self.running(f"SELECT sum(seq) FROM {view}", f"`{view}`") as outcome:
                    self.assertEqual(outcome, [])
                self.await_statements(f"`{view}`", False)
                self.assertEqual(outcome[0].args[0], 1317)

    def test_a_statement_that_the_server_ends(self):
        with self.running("SELECT sum(seq) FROM silent", "`silent`") as outcome:
            with self.peer.cursor() as cursor:
                cursor.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%`silent`%' AND USER <> 'root'")
                for (id_,) in cursor.fetchall():
                    cursor.execute(f"KILL QUERY {id_}")
            deadline = time.monotonic() + PATIENCE_S
            while not outcome:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(POLL_S)
        number, text = outcome[0].args
        self.assertEqual(number, SOURCE_REFUSED)
        self.assertIn("`shop`", text)
        self.same("SELECT id FROM orders")

    def test_a_statement_has_a_time_at_the_server(self):
        self.assertEqual(self.refused("SELECT sum(seq) FROM hurried.market.silent", "`hurried`"), TIMED_OUT)
        self.same("SELECT id FROM hurried.market.orders", "SELECT id FROM orders")

    def test_a_column_that_changed_is_seen(self):
        self.same("SELECT * FROM changing")
        for sql in ["ALTER TABLE changing MODIFY c VARCHAR(10)", "ALTER TABLE changing ADD d INT", "ALTER TABLE changing DROP c"]:
            self.on_source(sql)
            self.same("SELECT * FROM changing")

    def test_a_wrong_password_is_tried_once(self):
        if self.workers:
            self.skipTest("each process tries once")
        before = self.aborted_logins()
        for _ in range(5):
            self.assertEqual(self.refused("SELECT * FROM changed.market.orders", "`changed`", "did not accept"), SOURCE_REFUSED)
        # Counted when the server has done with the connection.
        deadline = time.monotonic() + PATIENCE_S
        while self.aborted_logins() == before:
            self.assertLess(time.monotonic(), deadline, "no login was aborted")
            time.sleep(POLL_S)
        self.assertEqual(self.aborted_logins() - before, 1)
        # A secret that changed is taken up at once.
        self.secret.write_text(f"{mariadb_tables.PASSWORD}\n")
        self.same("SELECT id FROM changed.market.orders", "SELECT id FROM orders")

    def aborted_logins(self):
        return int(self.on_source("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])

    def test_connections_have_a_bound(self):
        if self.workers:
            self.skipTest("each process has one at least")
        with self.running("SELECT sum(seq) FROM narrow.market.endless", "`endless`"):
            number = self.refused("SELECT * FROM narrow.market.orders", "`narrow`", "`connections_max`")
            self.assertEqual(number, LIMIT_EXCEEDED)
            self.same("SELECT id FROM shop.market.orders", "SELECT id FROM orders")
        self.await_statements("`endless`", False)
        self.same("SELECT id FROM narrow.market.orders", "SELECT id FROM orders")

    def test_a_server_without_connections_is_named(self):
        own = {"user": "few", "password": mariadb_tables.PASSWORD.encode(), "ssl_disabled": True}
        with pymysql.connect(host=HOST, port=self.source.port, **own):
            number = self.refused("SELECT * FROM few.market.orders", "`few`", "max_user_connections")
        self.assertEqual(number, LIMIT_EXCEEDED)

    def test_tls_is_as_strict_as_asked(self):
        for catalog in ["required", "chain", "verified"]:
            self.same(f"SELECT id FROM {catalog}.market.orders", "SELECT id FROM orders")
        self.assertEqual(self.refused("SELECT * FROM plain.market.orders", "`plain`"), SOURCE_REFUSED)
        number = self.refused("SELECT * FROM misnamed.market.orders", "`misnamed`", "`db.example`", "certificate")
        self.assertEqual(number, SOURCE_REFUSED)

    def test_one_that_is_gone_or_silent_is_named(self):
        for catalog in ["gone", "hung"]:
            number = self.refused(f"SELECT * FROM {catalog}.market.orders", f"`{catalog}`", HOST)
            self.assertEqual(number, SOURCE_UNAVAILABLE)
        self.same("SELECT id FROM orders")

    def test_zz_a_server_that_comes_back_is_used_again(self):
        self.same("SELECT id FROM orders")
        self.source.stop()
        try:
            self.assertEqual(self.refused("SELECT * FROM orders", "`shop`"), SOURCE_UNAVAILABLE)
            self.assertEqual(self.rows("SELECT count(*) FROM tpch.tiny.region"), [(5,)])
        finally:
            self.source.start()
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    type(self).peer = self.source.connect(database=mariadb_tables.DATABASE)
                    break
                except pymysql.MySQLError:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(POLL_S)
        self.same("SELECT id FROM orders")


class Moves(threading.Thread):
    """Moves amounts and rows about in `balances` while it is entered, in transactions that leave their sums as they are."""

    def __init__(self, connection):
        super().__init__()
        self.connection = connection
        self.random = random.Random(7)
        self.stopped = threading.Event()
        self.progress = threading.Condition()
        self.done = 0
        self.error = None

    def run(self):
        try:
            with self.connection.cursor() as cursor:
                while not self.stopped.is_set():
                    self.move(cursor)
                    with self.progress:
                        self.done += 1
                        self.progress.notify_all()
        except pymysql.MySQLError as error:
            self.error = error

    def move(self, cursor):
        count, step = mariadb_tables.NUMBERS, mariadb_tables.STEP
        low, high = self.random.randrange(1, count // 4), self.random.randrange(3 * count // 4, count)
        cursor.execute("BEGIN")
        cursor.execute("UPDATE balances SET amount = amount - 7 WHERE id = %s", ((low + 1) * step,))
        cursor.execute("UPDATE balances SET amount = amount + 7 WHERE id = %s", ((high + 1) * step,))
        # The one at the beginning goes to the end, or comes back.
        moved = count * step * 2
        if not cursor.execute("UPDATE balances SET id = %s WHERE id = %s", (moved, step)):
            cursor.execute("UPDATE balances SET id = %s WHERE id = %s", (step, moved))
        cursor.execute("COMMIT")

    def await_more(self, done):
        with self.progress:
            self.progress.wait_for(lambda: self.done > done or self.error, PATIENCE_S)
        if self.done <= done:
            raise AssertionError(f"nothing is written: {self.error}")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exception):
        self.stopped.set()
        self.join(PATIENCE_S)
        self.connection.close()


class TwoWorkers(OneNode):
    workers = 2

    def test_both_workers_read_ranges(self):
        self.rows("SELECT sum(id) FROM ranges.market.numbers WHERE half >= 0")
        workers = self.rows("SELECT DISTINCT worker FROM system.runtime.tasks")
        self.assertEqual(len(workers), self.workers, workers)


class OfMooring(Cluster):
    """Another Mooring as the server: logins by `caching_sha2_password`."""

    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        add_users(folder / "far")
        far = cls.enterClassContext(processes.Cluster(binary(), folder / "far"))

        def of(user, **more):
            return section(user, far.port, user=user, password=PASSWORDS[user], **more)

        cls.start(
            folder / "near",
            of("alice", tls="require"), of("bob", tls="disable", rsa_exchange=True), of("carol", tls="disable"),
            of("nora"), section("wrong", far.port, user="alice", password="not hers"),
        )

    def test_rows_are_the_other_ones(self):
        for catalog in ["alice", "bob", "nora"]:
            for _ in range(2):
                for table, key in [("nation", "n_nationkey"), ("customer", "c_custkey"), ("orders", "o_orderkey")]:
                    with self.subTest(f"{catalog} {table}"):
                        order = f"ORDER BY {key}"
                        self.assertEqual(
                            self.rows(f"SELECT * FROM {catalog}.`tpch.tiny`.{table} {order}"),
                            self.rows(f"SELECT * FROM tpch.tiny.{table} {order}"),
                        )

    def test_conditions_are_understood_there(self):
        sql = "SELECT count(*) FROM {}.orders WHERE o_orderdate >= '1995-01-01' AND o_totalprice < 100000.50 AND o_orderstatus = 'O'"
        self.assertEqual(self.rows(sql.format("alice.`tpch.tiny`")), self.rows(sql.format("tpch.tiny")))

    def test_a_password_goes_over_tls_or_not_at_all(self):
        number = self.refused("SELECT * FROM carol.`tpch.tiny`.nation", "`carol`", "`rsa_exchange`")
        self.assertEqual(number, SOURCE_REFUSED)
        number = self.refused("SELECT * FROM wrong.`tpch.tiny`.nation", "`wrong`", "did not accept")
        self.assertEqual(number, SOURCE_REFUSED)


class WrongProperties(unittest.TestCase):
    def test_they_are_refused_at_the_start(self):
        for more, words in [
            ({"hosts": "a"}, ["`shop`", "`hosts`"]),
            ({"tls": "yes"}, ["`shop`", "`tls`", "`verify-full`"]),
            ({"connections_max": 0}, ["`shop`", "`connections_max`"]),
            ({"zero_dates": "round"}, ["`shop`", "`zero_dates`"]),
            ({"parallel_reads": "on"}, ["`shop`", "`parallel_reads`", "`locked`"]),
            ({"lock_wait_ms": 0}, ["`shop`", "`lock_wait_ms`"]),
        ]:
            with self.subTest(more), tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                folder.joinpath("mooring.toml").write_text(section("shop", 3306, **more))
                with self.assertRaises(processes.ProcessFailed) as raised:
                    processes.Cluster(binary(), folder)
                for word in words:
                    self.assertIn(word, str(raised.exception))
                self.assertNotIn(mariadb_tables.PASSWORD, str(raised.exception))


del Cluster

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
