"""Sources that refuse, hang, die in the middle of a read, change their tables or have no connection left.

The error names the catalog and comes by the catalog's own time-outs, other catalogs do not feel it, and the same Mooring
goes on when the source is well again.
"""

import concurrent.futures
import contextlib
import unittest

import mysql.connector
import pymysql

import counted
import federated
from database import eventually
from mariadb_server import MariaDb
from postgresql_server import Postgres
from server import processes

# What both kinds of catalog call their time-outs. A hang ends by them; no test measures them.
TIMEOUTS = {"connect_timeout_ms": 3000, "connection_wait_ms": 3000, "read_timeout_ms": 4000}
MORE_TIMEOUTS = {"postgresql": {"metadata_timeout_ms": 4000}, "mysql": {}}
# Of each process: two workers and a coordinator leave some for others.
CONNECTIONS_MAX = 2
# For what has to end by a time-out of the catalog, with all that it tries again.
END_TIMEOUT_S = 90
FEW_CONNECTIONS = 10
POSTGRES_TABLES = """
CREATE SCHEMA market;
CREATE TABLE market.fruit (id INT PRIMARY KEY, weight BIGINT NOT NULL);
INSERT INTO market.fruit SELECT n, n * 10 FROM generate_series(1, 1000) AS n;
ANALYZE market.fruit;
CREATE VIEW market.endless AS SELECT generate_series(1, 2000000000) AS id, repeat('x', 500) AS filler
"""
MARIADB_TABLES = """
CREATE DATABASE market;
CREATE TABLE market.fruit (id INT PRIMARY KEY, weight BIGINT NOT NULL);
INSERT INTO market.fruit SELECT seq, seq * 10 FROM market.seq_1_to_1000;
ANALYZE TABLE market.fruit;
CREATE VIEW market.endless AS SELECT seq AS id, repeat('x', 500) AS filler FROM market.seq_1_to_2000000000
"""
FRUIT = "SELECT count(*), sum(weight) FROM {}.market.fruit"
RIGHT = [(1000, 5005000)]
# It does not end by itself, and its rows cross.
ENDLESS = "SELECT count(*), max(length(filler)) FROM ill.market.endless WHERE filler <> 'y'"


def postgres() -> Postgres:
    server = Postgres(settings={"max_connections": FEW_CONNECTIONS, "superuser_reserved_connections": 3})
    server.make_reader()
    server.run(POSTGRES_TABLES)
    server.run("CREATE ROLE crowd LOGIN PASSWORD 'it only reads'")
    return server


def mariadb() -> MariaDb:
    server = MariaDb(settings={"max-connections": FEW_CONNECTIONS})
    server.make_reader()
    with server.session() as session:
        for statement in MARIADB_TABLES.split(";"):
            session.run(statement)
        session.run("CREATE USER crowd@'%' IDENTIFIED BY 'it only reads'")
    return server


class Failing(unittest.TestCase):
    """`ill` is the source that fails, `well` the other one. Each test leaves `ill` as it was."""

    @classmethod
    def setUpClass(cls):
        cls.ill = cls.enterClassContext(cls.start_ill())
        cls.well = cls.enterClassContext(cls.start_well())
        sections = [
            source.section(name, connections_max=CONNECTIONS_MAX, **TIMEOUTS, **MORE_TIMEOUTS[source.kind])
            for name, source in (("ill", cls.ill), ("well", cls.well))
        ]
        cls.mooring = cls.enterClassContext(federated.mooring(*sections, workers=cls.workers))
        cls.pool = cls.enterClassContext(concurrent.futures.ThreadPoolExecutor(4))

    def setUp(self):
        self.assert_healed()

    def ask(self, sql, pushdown="off"):
        with self.mooring.session() as session:
            session.rows(f"SET pushdown = {pushdown}")
            return session.rows(sql)

    def assert_named(self, error):
        self.assertIsInstance(error, pymysql.MySQLError)
        self.assertIn("`ill`", str(error))
        self.assertNotIn("it only reads", str(error))

    def assert_fails(self, sql, pushdown="off"):
        """An error by the client's own time-out names nothing."""
        with self.assertRaises(pymysql.MySQLError) as raised:
            self.ask(sql, pushdown)
        self.assert_named(raised.exception)

    def assert_others_well(self):
        self.assertEqual(self.ask(FRUIT.format("well")), RIGHT)
        self.assertEqual(self.ask(FRUIT.format("well"), "on"), RIGHT)
        self.assertEqual(self.ask("SELECT count(*) FROM tpch.tiny.region"), [(5,)])

    def assert_healed(self):
        def answers():
            with contextlib.suppress(pymysql.MySQLError):
                self.assertEqual(self.ask(FRUIT.format("ill")), RIGHT)
                return True
            return False

        eventually(answers, END_TIMEOUT_S)
        self.assertEqual(self.ask(FRUIT.format("ill"), "on"), RIGHT)

    def begin_endless(self):
        """Rows are on their way when it returns."""
        answer = self.pool.submit(self.ask, ENDLESS)
        eventually(lambda: answer.done() or self.ill.reading("endless") > 0)
        self.assertFalse(answer.done(), answer.exception() if answer.done() else None)
        return answer

    def test_one_that_refuses(self):
        self.ill.stop()
        try:
            for pushdown in ("off", "on"):
                self.assert_fails(FRUIT.format("ill"), pushdown)
            self.assert_others_well()
        finally:
            self.ill.start()
        self.assert_healed()

    def test_one_that_hangs(self):
        self.ill.pause()
        try:
            answers = [self.pool.submit(self.ask, FRUIT.format("ill"), mode) for mode in ("off", "on")]
            for _ in range(5):
                self.assert_others_well()
            for answer in answers:
                self.assert_named(answer.exception(END_TIMEOUT_S))
        finally:
            self.ill.resume()
        self.assert_healed()

    def test_one_that_hangs_in_the_middle(self):
        answer = self.begin_endless()
        self.ill.pause()
        try:
            self.assert_others_well()
            self.assert_named(answer.exception(END_TIMEOUT_S))
        finally:
            self.ill.resume()
        self.assert_healed()
        # Nobody reads on: the server notices, once it lives again.
        eventually(lambda: self.ill.reading("endless") == 0)

    def test_one_that_dies_in_the_middle(self):
        answer = self.begin_endless()
        self.ill.kill()
        try:
            self.assert_named(answer.exception(END_TIMEOUT_S))
            self.assert_others_well()
        finally:
            self.ill.start()
        self.assert_healed()

    def test_a_client_that_goes_away_ends_the_read(self):
        with self.mooring.session() as session, self.mooring.session() as other:
            session.rows("SET pushdown = off")
            [(connection,)] = session.rows("SELECT connection_id()")
            answer = self.pool.submit(session.rows, ENDLESS)
            eventually(lambda: answer.done() or self.ill.reading("endless") > 0)
            other.rows(f"KILL QUERY {connection}")
            self.assertIsInstance(answer.exception(END_TIMEOUT_S), pymysql.MySQLError)
        eventually(lambda: self.ill.reading("endless") == 0)
        self.assert_healed()

    # A lock holds up the read, whose columns are known by then. What comes is an error that names the catalog, or the
    # rows as they are now; never the bytes of one type as another.
    def test_a_table_that_changes_between_planning_and_reading(self):
        for change, right in [
            # As wide as before, and of other bytes.
            (self.retype, (1000, 5005000)),
            ("ALTER TABLE market.changing DROP COLUMN weight", None),
        ]:
            with self.subTest(change):
                self.ill.run("CREATE TABLE market.changing (id INT PRIMARY KEY, weight BIGINT NOT NULL)")
                self.ill.run("INSERT INTO market.changing SELECT id, weight FROM market.fruit")
                try:
                    answer = self.changed_below(change)
                    if answer.exception(END_TIMEOUT_S) is not None:
                        self.assert_named_or_no_column(answer.exception())
                    else:
                        self.assertIsNotNone(right, answer.result())
                        [(count, total)] = answer.result()
                        self.assertEqual((count, float(total)), right)
                finally:
                    self.ill.run("DROP TABLE market.changing")

    def changed_below(self, change):
        sql = "SELECT count(weight), sum(weight) FROM ill.market.changing"
        with self.ill.session() as session:
            for statement in self.lock:
                session.run(statement)
            answer = self.pool.submit(self.ask, sql)
            eventually(lambda: answer.done() or self.ill.waiting() > 0)
            self.assertFalse(answer.done(), "nothing waits for the lock")
            session.run(change)
            session.run(self.unlock)
        return answer

    def assert_named_or_no_column(self, error):
        """Planning may wait for the lock, too, and then it knows no such column."""
        if "weight" not in str(error):
            self.assert_named(error)

    def test_a_prepared_statement_of_a_table_that_changes(self):
        self.ill.run("CREATE TABLE market.later (id INT PRIMARY KEY, weight BIGINT NOT NULL)")
        self.ill.run("INSERT INTO market.later SELECT id, weight FROM market.fruit")
        cluster = self.mooring.cluster
        try:
            with mysql.connector.connect(
                host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True,
            ) as connection:
                with connection.cursor(prepared=True) as cursor:
                    sql = "SELECT sum(weight) FROM ill.market.later WHERE id < ?"
                    cursor.execute(sql, (11,))
                    self.assertEqual([int(total) for (total,) in cursor.fetchall()], [550])
                    self.ill.run(self.retype.replace("changing", "later"))
                    try:
                        cursor.execute(sql, (11,))
                        self.assertEqual([float(total) for (total,) in cursor.fetchall()], [550.0])
                    except mysql.connector.Error as error:
                        self.assertIn("`ill`", str(error))
                    self.ill.run("ALTER TABLE market.later DROP COLUMN weight")
                    with self.assertRaises(mysql.connector.Error) as raised:
                        cursor.execute(sql, (11,))
                        cursor.fetchall()
                    self.assertIn("weight", str(raised.exception))
        finally:
            self.ill.run("DROP TABLE market.later")

    def test_one_without_a_connection_left(self):
        with contextlib.ExitStack() as crowd:
            self.fill(crowd)
            for pushdown in ("off", "on"):
                self.assert_fails(FRUIT.format("ill"), pushdown)
            self.assert_others_well()
        self.assert_healed()


class OfPostgres(Failing):
    start_ill, start_well = staticmethod(postgres), staticmethod(mariadb)
    workers = 0
    retype = "ALTER TABLE market.changing ALTER COLUMN weight TYPE DOUBLE PRECISION"
    lock = ("BEGIN", "LOCK TABLE market.changing IN ACCESS EXCLUSIVE MODE")
    unlock = "COMMIT"

    def fill(self, crowd):
        """All connections but those for administrators."""
        self.ill.end_connections()
        for _ in range(FEW_CONNECTIONS - 3):
            crowd.enter_context(self.ill.session("crowd")).run("SELECT 1")


class OfPostgresOnTwoWorkers(OfPostgres):
    workers = 2


class OfMariaDb(Failing):
    start_ill, start_well = staticmethod(mariadb), staticmethod(postgres)
    workers = 0
    retype = "ALTER TABLE market.changing MODIFY COLUMN weight DOUBLE NOT NULL"
    lock = ("LOCK TABLES market.changing WRITE",)
    unlock = "UNLOCK TABLES"

    def fill(self, crowd):
        """All connections but the one for administrators."""
        self.ill.end_connections()
        with contextlib.suppress(pymysql.MySQLError):  # ER_CON_COUNT_ERROR, in the end
            for _ in range(FEW_CONNECTIONS + 1):
                crowd.enter_context(self.ill.session("crowd"))


class OfMariaDbOnTwoWorkers(OfMariaDb):
    workers = 2


del Failing

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
