"""Catalogs of databases that statements define: tried out against real servers, altered to what is wrong and back, and
gone with all that they held.

Numbers: MySQL 8.0 Error Message Reference. The servers' own words: PostgreSQL's and MariaDB's.
"""

import contextlib
import re
import socket
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

import pymysql

import counted
from database import PASSWORD, READER, eventually
from mariadb_server import MariaDb
from postgresql_server import Postgres
from server import binary, processes

KEY = "0123456789abcdef0123456789abcdef"
CATALOGS = 500
# How often they are made at most until they leave nothing more.
ROUNDS_MAX = 4
# A connection of each catalog that stayed would be more.
GROWTH_MAX_BYTES = CATALOGS * 16 * 2**10
END_TIMEOUT_S = 90
DATABASE_MISSING, WRONG_ARGUMENT, UNREACHED, REFUSED = 1049, 1210, 1429, 1430
POSTGRES_TABLES = """
CREATE SCHEMA market;
CREATE TABLE market.fruit (id INT PRIMARY KEY, weight BIGINT NOT NULL);
INSERT INTO market.fruit SELECT n, n * 10 FROM generate_series(1, 1000) AS n;
ANALYZE market.fruit
"""
MARIADB_TABLES = """
CREATE DATABASE market;
CREATE TABLE market.fruit (id INT PRIMARY KEY, weight BIGINT NOT NULL);
INSERT INTO market.fruit SELECT seq, seq * 10 FROM market.seq_1_to_1000;
ANALYZE TABLE market.fruit
"""
FRUIT = "SELECT count(*), sum(weight) FROM {}.market.fruit"
RIGHT = [(1000, 5005000)]
# What a server says of a wrong password.
DENIED = {
    "postgresql": f'password authentication failed for user "{READER}"',
    "mysql": f"Access denied for user '{READER}'@'127.0.0.1' (using password: YES)",
}
COUNT = {
    "postgresql": f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{READER}'",
    "mysql": f"SELECT count(*) FROM information_schema.processlist WHERE user = '{READER}'",
}
# Only a drop closes connections.
KEPT = {"idle_timeout_ms": 3_600_000}


def setUpModule():
    global SOURCES, CLUSTER
    postgres = unittest.enterModuleContext(Postgres(tls=True))
    postgres.make_reader()
    postgres.run(POSTGRES_TABLES)
    mariadb = unittest.enterModuleContext(MariaDb())
    mariadb.make_reader()
    with mariadb.session() as session:
        for statement in MARIADB_TABLES.split(";"):
            session.run(statement)
    SOURCES = (postgres, mariadb)
    folder = Path(unittest.enterModuleContext(tempfile.TemporaryDirectory()))
    processes.run(binary(), ["user", "add", "root", "--no-password", "--admin"], processes.state_settings(folder))
    settings = {"coordinator.secrets.key": KEY, "coordinator.queries.history_max": 10}
    CLUSTER = unittest.enterModuleContext(processes.Cluster(binary(), folder, 1, settings))


def with_clause(properties):
    return ", ".join(f"{key} = '{value}'" for key, value in properties.items())


def create(name, source, **more):
    properties = {key: value for key, value in source.properties().items() if key != "using"} | KEPT | more
    return f"CREATE CATALOG {name} USING {source.kind} WITH ({with_clause(properties)})"


def alter(name, **properties):
    return f"ALTER CATALOG {name} SET ({with_clause(properties)})"


def connections(source):
    """Of the reader, as the server counts them."""
    return int(source.run(COUNT[source.kind])[0][0])


def metrics():
    with urllib.request.urlopen(f"http://{CLUSTER.processes[0].addresses['http']}/metrics", timeout=30) as answer:
        return answer.read().decode()


class Catalogs(unittest.TestCase):
    def setUp(self):
        self.cursor = self.enterContext(self.session())
        # Scans go to the worker.
        self.cursor.execute("SET distributed_bytes_per_partition = 1")
        self.addCleanup(self.drop_all)

    @contextlib.contextmanager
    def session(self):
        login = {"host": CLUSTER.host, "port": CLUSTER.port, "user": "root", "ssl_disabled": True, "read_timeout": 120}
        with pymysql.connect(**login) as connection, connection.cursor() as cursor:
            yield cursor

    def drop_all(self):
        with self.session() as cursor:
            cursor.execute("SELECT catalog_name FROM system.metadata.catalogs WHERE defined_by = 'sql'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP CATALOG IF EXISTS {name}")
        self.await_none()

    def rows(self, sql):
        self.cursor.execute(sql)
        return list(self.cursor.fetchall())

    def told(self, number, sql):
        """The text of the error that a statement gives."""
        with self.assertRaises(pymysql.MySQLError, msg=sql) as caught:
            self.rows(sql)
        self.assertEqual(caught.exception.args[0], number, f"{sql}: {caught.exception}")
        return caught.exception.args[1]

    def problem(self, name):
        ((problem,),) = self.rows(f"SELECT problem FROM system.metadata.catalogs WHERE catalog_name = '{name}'")
        return problem

    def version(self, name):
        ((version,),) = self.rows(f"SELECT version FROM system.metadata.catalogs WHERE catalog_name = '{name}'")
        return version

    def test_properties_are_tried_out_as_they_will_be(self):
        for source in SOURCES:
            with self.subTest(source.kind):
                name = f"tried_{source.kind}"
                self.rows(create(name, source))
                self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                elsewhere = {"password": PASSWORD}
                for number, change, named in (
                    (REFUSED, {"password": "wrong one"}, DENIED[source.kind]),
                    (UNREACHED, {"host": "no.such.host.invalid", **elsewhere}, name),
                    (UNREACHED, {"port": 1, **elsewhere}, name),
                    (WRONG_ARGUMENT, {"connections_max": -5}, "`connections_max`"),
                    (WRONG_ARGUMENT, {"bogus": "x"}, "`bogus`"),
                    (WRONG_ARGUMENT, {"password": "wrong one", "host": "no.such.host.invalid", "port": "x"}, "`port`"),
                ):
                    self.assertIn(named, self.told(number, alter(name, **change)), change)
                    self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                for change in ({"connections_max": -5}, {"bogus": "x"}):
                    self.told(WRONG_ARGUMENT, f"{alter(name, **change)} NOVERIFY")
                self.assertEqual((self.version(name), self.problem(name)), (1, None))
                # Wrong, because it was said so; right again without another word.
                self.rows(f"{alter(name, password='wrong one')} NOVERIFY")
                for _ in range(2):
                    self.assertIn(DENIED[source.kind], self.told(REFUSED, FRUIT.format(name)))
                self.assertIn(DENIED[source.kind], self.problem(name))
                self.rows(alter(name, password=PASSWORD, connections_max=4))
                self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                self.assertEqual((self.version(name), self.problem(name)), (3, None))

    def test_a_sealed_password_goes_nowhere_else(self):
        for source in SOURCES:
            with self.subTest(source.kind):
                name = f"sealed_{source.kind}"
                self.rows(create(name, source))
                for change in ({"port": 1}, {"host": "localhost"}, {"user": "other"}, {"tls": "prefer"}):
                    told = self.told(WRONG_ARGUMENT, f"{alter(name, **change)} NOVERIFY")
                    self.assertIn("`password`", told)
                self.assertIn("`password`", self.told(WRONG_ARGUMENT, f"ALTER CATALOG {name} RESET (port) NOVERIFY"))
                # What is so already is no change.
                self.rows(alter(name, port=source.port, idle_timeout_ms=3_600_000))
                self.rows(alter(name, host="localhost", password=PASSWORD))
                self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)

    def test_a_wrong_password_is_told_as_it_is(self):
        missing = "/no/such/file/here"
        for source in SOURCES:
            with self.subTest(source.kind):
                name = f"denied_{source.kind}"
                told = self.told(REFUSED, create(name, source, password="wrong one"))
                self.assertIn(DENIED[source.kind], told)
                self.assertIn(name, told)
                self.assertNotIn("wrong one", told)
                for reference, named in (
                    ("***", "not shown"), (f"file:{missing}", missing), ("env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
                ):
                    told = self.told(WRONG_ARGUMENT, create(name, source, password=reference))
                    self.assertIn("`password`", told)
                    self.assertIn(named, told)
                self.rows(f"{create(name, source, password='env:NO_SUCH_VARIABLE')} NOVERIFY")
                self.assertIn("NO_SUCH_VARIABLE", self.problem(name))
                self.told(WRONG_ARGUMENT, FRUIT.format(name))
                self.rows(alter(name, password=PASSWORD))
                self.assertEqual((self.rows(FRUIT.format(name)), self.problem(name)), (RIGHT, None))

    def test_what_was_reached_is_not_told_as_out_of_reach(self):
        postgres, mariadb = SOURCES
        name_only = {key: value for key, value in postgres.properties().items() if key not in ("using", "password")}
        told = self.told(REFUSED, f"CREATE CATALOG open USING postgresql WITH ({with_clause(name_only)})")
        self.assertIn("no `password`", told)
        told = self.told(REFUSED, create("bare", mariadb, tls="require"))
        self.assertIn("TLS", told)
        # Another kind of server: this one speaks first, and that one never.
        for tls in ("disable", "prefer", "require"):
            told = self.told(REFUSED, create("stranger", postgres, port=mariadb.port, tls=tls))
            self.assertIn("`port`", told)
        told = self.told(UNREACHED, create("mute", mariadb, port=postgres.port, connect_timeout_ms=2000))
        self.assertIn("`port`", told)
        for source in SOURCES:
            told = self.told(WRONG_ARGUMENT, create("joined", source, host=f"{source.host}:{source.port}"))
            self.assertIn(f"`port` = {source.port}", told)

    def test_a_file_has_the_password(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(PASSWORD + "\n")
            file.flush()
            for source in SOURCES:
                with self.subTest(source.kind):
                    name = f"file_{source.kind}"
                    self.rows(create(name, source, password=f"file:{file.name}"))
                    self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                    # Whoever sees the catalog sees the reference.
                    self.rows(alter(name, host="localhost"))
                    self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)

    def test_a_source_that_hangs_is_nobody_elses(self):
        for source in SOURCES:
            with self.subTest(source.kind), socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
                failure = []

                def hang(statement=create("hangs", source, port=port, connect_timeout_ms=60_000)):
                    try:
                        with self.session() as cursor:
                            cursor.execute(statement)
                    except pymysql.MySQLError as error:
                        failure.append(error)

                thread = threading.Thread(target=hang)
                thread.start()
                listener.settimeout(END_TIMEOUT_S)
                silent, _ = listener.accept()
                with silent:
                    name = f"good_{source.kind}"
                    self.rows(create(name, source))
                    self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                    told = self.told(REFUSED, create("bad", source, password="wrong one"))
                    self.assertIn("`bad`", told)
                    self.rows(alter(name, connections_max=4))
                    self.assertTrue(thread.is_alive(), failure)
                # Closed: the other one ends, too.
                listener.close()
                thread.join(END_TIMEOUT_S)
                self.assertFalse(thread.is_alive())
                self.assertIn("`hangs`", failure[0].args[1])
                self.assertNotIn(name, failure[0].args[1])

    def test_a_drop_closes_connections(self):
        for source in SOURCES:
            with self.subTest(source.kind):
                name = f"closed_{source.kind}"
                self.rows(create(name, source))
                self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
                self.assertGreaterEqual(connections(source), 1)
                self.assertIn(f'catalog="{name}"', metrics())
                self.rows(f"DROP CATALOG {name}")
                eventually(lambda: connections(source) == 0)
                self.told(REFUSED, create(f"never_{source.kind}", source, password="wrong one"))
                eventually(lambda: not re.search(f'catalog="(closed|never)_{source.kind}"', metrics()))

    def test_five_hundred_catalogs_leave_nothing(self):
        grown = None
        # Allocators and threads keep more in the beginning; what catalogs leave, they leave each time.
        for _ in range(ROUNDS_MAX):
            before = [usage(process) for process in CLUSTER.processes]
            for number in range(CATALOGS):
                self.make_and_drop(number)
            self.await_none()
            with contextlib.suppress(TimeoutError):
                eventually(lambda before=before: not self.grown(before))
            grown = self.grown(before)
            if not grown:
                break
        self.assertEqual(grown, {})
        eventually(lambda: 'catalog="made' not in metrics())

    def make_and_drop(self, number):
        source = SOURCES[number % 2]
        name = f"made{number}"
        self.rows(create(name, source))
        if number % 4 < 2:
            self.assertEqual(self.rows(FRUIT.format(name)), RIGHT)
        if number % 8 < 2:
            self.told(REFUSED, alter(name, password=f"wrong {number}"))
        self.rows(f"DROP CATALOG {name}")

    def await_none(self):
        for source in SOURCES:
            eventually(lambda source=source: connections(source) == 0)

    def grown(self, before):
        grown = {}
        for process, (memory, files) in zip(CLUSTER.processes, before, strict=True):
            memory_now, files_now = usage(process)
            # The store's pool may have opened another connection meanwhile.
            if memory_now > memory + GROWTH_MAX_BYTES or files_now > files + 16:
                grown[process.name] = f"{(memory_now - memory) / 2**20:.1f} MiB, {files_now - files} files"
        return grown

    def test_only_administrators_read_what_is_the_databases_own(self):
        source = SOURCES[0]
        self.rows(create("own", source))
        for table in ("pg_authid", "pg_shadow", "pg_user_mapping", "pg_class"):
            self.told(DATABASE_MISSING, f"SELECT count(*) FROM own.pg_catalog.{table}")
        ((found,),) = self.rows("SELECT found > 0 FROM TABLE(own.system.query('SELECT count(*) AS found FROM pg_catalog.pg_class'))")
        self.assertTrue(found)

    def test_no_password_is_sent_in_clear_text(self):
        source = SOURCES[0]
        source.run(f"CREATE ROLE clear LOGIN PASSWORD '{PASSWORD}'")
        rules = source.data / "pg_hba.conf"
        loaded = "SELECT pg_conf_load_time()"
        before = source.run(loaded)
        rules.write_text("host all clear 127.0.0.1/32 password\n" + rules.read_text())
        source.run("SELECT pg_reload_conf()")
        eventually(lambda: source.run(loaded) != before)
        told = self.told(REFUSED, create("clear", source, user="clear", tls="disable"))
        self.assertIn("clear text", told)
        self.assertIn("`tls`", told)
        # Under TLS nobody listens.
        for tls in ("prefer", "require"):
            self.rows(create(f"clear_{tls}", source, user="clear", tls=tls))


def usage(process):
    """Bytes in memory and open files of a process."""
    folder = Path("/proc") / str(process.child.pid)
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB$", (folder / "status").read_text(), re.MULTILINE)
    return int(kilobytes) * 1024, len(list((folder / "fd").iterdir()))


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
