"""`connections_max`: the databases themselves count the connections of all processes together, and queries come to their
end that read more at once than there are connections, or whose client is slow while others wait.
"""

import concurrent.futures
import re
import threading
import unittest

import pymysql.cursors

import counted
import federated
import metrics
from database import eventually
from mariadb_server import MariaDb
from postgresql_server import Postgres
from server import processes

WORKERS = 2
# Two of each process.
CONNECTIONS_MAX = 6
ROWS = 400_000
# PostgreSQL cuts the table into pieces of this size, about fifty.
SPLIT_BYTES = 1 << 20
READS_AT_ONCE = 4
READS = 3
# For one connection. Far below the time that it takes to read a wide table; and far above.
SHORT_WAIT_MS = 100
LONG_WAIT_MS = 30_000
SUM = ROWS * (ROWS + 1) // 2 * 10
READ = "SELECT count(*), sum(weight), max(filler) FROM db.market.many"
# One statement of 200 MB, which no buffer on its way to a client holds.
WIDE = "CREATE VIEW market.wide AS SELECT id, repeat(filler, 5) AS filler FROM market.many"
BOTH = "SELECT count(*), sum(id), max(filler) FROM (SELECT * FROM hurried.market.wide UNION ALL SELECT * FROM hurried.market.wide) w"
JOIN = "SELECT count(*), sum(a.weight), max(e.filler) FROM few.market.many a " + " ".join(
    f"JOIN few.market.many {name} ON {name}.id = a.id AND {name}.weight >= a.weight" for name in "bcde"
)


def postgres() -> Postgres:
    server = Postgres()
    server.make_reader()
    server.run(
        f"CREATE SCHEMA market; CREATE TABLE market.many AS SELECT n AS id, n::int8 * 10 AS weight, repeat('x', 100) AS filler "
        f"FROM generate_series(1, {ROWS}) AS n; ALTER TABLE market.many ADD PRIMARY KEY (id); ANALYZE market.many; {WIDE}"
    )
    return server


def mariadb() -> MariaDb:
    server = MariaDb()
    server.make_reader()
    with server.session() as session:
        session.run("CREATE DATABASE market")
        session.run("CREATE TABLE market.many (id INT PRIMARY KEY, weight BIGINT NOT NULL, filler VARCHAR(100) NOT NULL)")
        session.run(f"INSERT INTO market.many SELECT seq, seq * 10, repeat('x', 100) FROM market.seq_1_to_{ROWS}")
        session.run("ANALYZE TABLE market.many")
        session.run(WIDE)
    return server


class Highest:
    """The most connections that a database had at once, as it says itself, while this is entered."""

    def __init__(self, source):
        self.source = source
        self.found = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.stop.is_set():
            self.found.append(self.source.connections())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.stop.set()
        self.thread.join()


class Bound(unittest.TestCase):
    workers = WORKERS

    @classmethod
    def setUpClass(cls):
        cls.source = cls.enterClassContext(cls.start())
        sections = [
            cls.source.section("db", connections_max=CONNECTIONS_MAX, **cls.cut),
            cls.source.section("few", connection_wait_ms=LONG_WAIT_MS, **cls.fewest, **cls.cut),
            cls.source.section("hurried", connection_wait_ms=SHORT_WAIT_MS, **cls.fewest, **cls.cut),
        ]
        settings = {"worker.http_listen": "127.0.0.1:0"}
        cls.mooring = cls.enterClassContext(federated.mooring(*sections, workers=cls.workers, settings=settings))

    def ask(self, sql):
        with self.mooring.session() as session:
            session.rows("SET pushdown = off")
            session.rows("SET distributed_bytes_per_partition = 1")
            return [(int(count), int(total), filler) for count, total, filler in session.rows(sql)]

    def told(self, series):
        """What each process says of a series, all of its states together."""
        pages = [metrics.page(process.addresses["http"]) for process in self.mooring.cluster.processes]
        return [sum(map(int, re.findall(rf"^{series} (\d+)$", "\n".join(page), re.M))) for page in pages]

    def shares(self):
        """What each process may have of `db`, by what it says."""
        return self.told(r'mooring_database_connections_max\{catalog="db"\}')

    def others_are_closed(self):
        """Whether the database has no connections but those of `db`."""
        own = self.told(r'mooring_database_connections\{catalog="db",state="(?:idle|used)"\}')
        return self.source.connections() == sum(own)

    def test_all_processes_together_have_no_more(self):
        expected = [(ROWS, SUM, "x" * 100)]
        self.assertEqual(self.ask(READ), expected)
        # Whoever is told of a new worker gives up what it has too many of.
        processes_count = 1 + self.workers
        eventually(lambda: self.shares() == [CONNECTIONS_MAX // processes_count] * processes_count)
        eventually(self.others_are_closed)
        with Highest(self.source) as highest, concurrent.futures.ThreadPoolExecutor(READS_AT_ONCE) as pool:
            for answer in list(pool.map(self.ask, [READ] * READS_AT_ONCE * READS)):
                self.assertEqual(answer, expected)
        self.assertLessEqual(max(highest.found), CONNECTIONS_MAX)
        # Both workers read, several pieces at once.
        self.assertGreater(max(highest.found), self.workers)

    def test_more_tables_than_connections(self):
        self.assertEqual(self.ask(JOIN), [(ROWS, SUM, "x" * 100)])

    def test_a_query_waits_for_its_own_connections(self):
        self.assertEqual(self.ask(BOTH), [(2 * ROWS, 2 * SUM // 10, "x" * 500)])

    def test_a_slow_client_keeps_no_connection(self):
        with self.mooring.connect() as connection, connection.cursor(pymysql.cursors.SSCursor) as slow:
            slow.execute("SET pushdown = off")
            slow.execute("SELECT id, filler FROM few.market.wide")
            ids = [id_ for id_, _ in slow.fetchmany(3)]
            # It takes no row meanwhile, and there is no other connection.
            self.assertEqual(self.ask(READ.replace("db.", "few.")), [(ROWS, SUM, "x" * 100)])
            ids += [id_ for id_, filler in slow if len(filler) == 500]
            self.assertEqual(sorted(ids), list(range(1, ROWS + 1)))


class OfPostgres(Bound):
    start = staticmethod(postgres)
    cut = {"split_bytes": SPLIT_BYTES}
    # One to read with, and one that holds the snapshot.
    fewest = {"connections_max": 2, "idle_timeout_ms": 10}


class OfPostgresOnOneNode(OfPostgres):
    workers = 0


class OfMariaDb(Bound):
    start = staticmethod(mariadb)
    cut = {"parallel_reads": "inconsistent"}
    fewest = {"connections_max": 1, "idle_timeout_ms": 10}


class OfMariaDbOnOneNode(OfMariaDb):
    workers = 0


del Bound

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
