"""What is pushed down is one statement, and its rows are all that the source sends: as the source itself counts them.

Its own client says which rows are right.
"""

import datetime
import decimal
import unittest
from dataclasses import dataclass

import counted
import federated
from mariadb_server import MariaDb
from postgresql_server import Postgres
from server import processes

ROWS = 100_000
SHOPS = 50
# The databases' own spelling of the same rows. Quantities are null in places.
POSTGRES_TABLES = f"""
CREATE SCHEMA market;
CREATE TABLE market.shops (id INT PRIMARY KEY, region INT NOT NULL, opened DATE NOT NULL);
INSERT INTO market.shops SELECT n, n % 4, DATE '2001-01-01' + n FROM generate_series(0, {SHOPS - 1}) AS n;
CREATE TABLE market.sales (
    id BIGINT PRIMARY KEY, shop INT NOT NULL, quantity INT, price DECIMAL(12, 2) NOT NULL, sold DATE NOT NULL
);
INSERT INTO market.sales
SELECT n, n % {SHOPS}, CASE WHEN n % 97 = 0 THEN NULL ELSE n % 13 - 3 END, (n::BIGINT * 7919 % 100003) / 100.0,
    DATE '2020-01-01' + (n % 1000)
FROM generate_series(1, {ROWS}) AS n;
ANALYZE market.shops, market.sales
"""
MARIADB_TABLES = f"""
CREATE DATABASE market;
CREATE TABLE market.shops (id INT PRIMARY KEY, region INT NOT NULL, opened DATE NOT NULL);
INSERT INTO market.shops SELECT seq, seq % 4, DATE '2001-01-01' + INTERVAL seq DAY FROM market.seq_0_to_{SHOPS - 1};
CREATE TABLE market.sales (
    id BIGINT PRIMARY KEY, shop INT NOT NULL, quantity INT, price DECIMAL(12, 2) NOT NULL, sold DATE NOT NULL
);
INSERT INTO market.sales
SELECT seq, seq % {SHOPS}, CASE WHEN seq % 97 = 0 THEN NULL ELSE CAST(seq AS SIGNED) % 13 - 3 END, seq * 7919 % 100003 / 100,
    DATE '2020-01-01' + INTERVAL seq % 1000 DAY
FROM market.seq_1_to_{ROWS};
ANALYZE TABLE market.shops, market.sales
"""


@dataclass(frozen=True)
class Query:
    sql: str
    # Of the answer.
    rows: int
    # Whether its rows come in an order.
    ordered: bool = False


# Text stays out: whether a comparison of it may be pushed is a matter of its collation.
QUERIES = {
    "count": Query("SELECT count(*) FROM {0}sales", 1),
    "sum of an expression": Query("SELECT sum(price * quantity) FROM {0}sales", 1),
    "group by": Query("SELECT shop, count(*), count(quantity), sum(quantity), max(price) FROM {0}sales GROUP BY shop", SHOPS),
    "filter and group by": Query(
        "SELECT shop, sum(price) FROM {0}sales WHERE quantity > 3 AND sold >= DATE '2021-06-01' GROUP BY shop", SHOPS,
    ),
    "top-N": Query("SELECT id, price, sold FROM {0}sales WHERE quantity = 4 ORDER BY price DESC, id LIMIT 7", 7, True),
    "join": Query(
        "SELECT s.id, s.opened, x.price FROM {0}sales x JOIN {0}shops s ON s.id = x.shop WHERE x.id <= 40 AND s.region = 2", 10,
    ),
    # No two prices are equal: 100003 is a prime.
    "scalar subquery": Query("SELECT id, price FROM {0}sales WHERE price = (SELECT max(price) FROM {0}sales WHERE shop = 7)", 1),
    "scalar subquery above groups": Query(
        "SELECT shop, count(*) FROM {0}sales WHERE quantity > 8 GROUP BY shop HAVING count(*) > (SELECT count(*) FROM {0}shops)",
        SHOPS,
    ),
    # As TPC-H's query 11 has it; counted in Python.
    "groups above a part of all": Query(
        "SELECT shop, sum(price * quantity) FROM {0}sales GROUP BY shop "
        "HAVING sum(price * quantity) > (SELECT sum(price * quantity) * 0.02 FROM {0}sales)", 25,
    ),
    # Null, as nothing is so cheap.
    "scalar subquery without a value": Query(
        "SELECT count(*) FROM {0}sales WHERE price > (SELECT min(price) FROM {0}sales WHERE price < 0)", 1,
    ),
    "join and group by": Query(
        "SELECT s.region, sum(x.price * x.quantity) FROM {0}sales x JOIN {0}shops s ON s.id = x.shop GROUP BY s.region", 4,
    ),
}


def postgres() -> Postgres:
    server = Postgres()
    server.make_reader()
    server.run(POSTGRES_TABLES)
    return server


def mariadb() -> MariaDb:
    server = MariaDb()
    server.make_reader()
    with server.session() as session:
        for statement in MARIADB_TABLES.split(";"):
            session.run(statement)
    return server


def comparable(rows, ordered):
    """As texts, since that is what psql prints; numbers without the zeros at their end."""

    def text(value):
        match value:
            case None:
                return ""
            case int() | decimal.Decimal():
                return str(decimal.Decimal(value).normalize() + 0)
            case datetime.date():
                return value.isoformat()
            case str():
                try:
                    return str(decimal.Decimal(value).normalize() + 0)
                except decimal.InvalidOperation:
                    return value
        raise TypeError(f"{value!r}")

    texts = [tuple(map(text, row)) for row in rows]
    return texts if ordered else sorted(texts)


class PushedDown(unittest.TestCase):
    """`start` answers a server with the tables."""

    @classmethod
    def setUpClass(cls):
        cls.source = cls.enterClassContext(cls.start())
        mooring = cls.enterClassContext(federated.mooring(cls.source.section("shop"), workers=cls.workers))
        cls.session = cls.enterClassContext(mooring.session())
        if cls.workers:
            cls.session.rows("SET distributed_bytes_per_partition = 1")

    def answer(self, query, mode):
        """And what the source executed for it."""
        self.session.rows(f"SET pushdown = {mode}")
        self.source.forget_statements()
        rows = self.session.rows(query.sql.format("shop.market."))
        return rows, self.source.statements()

    def test_one_statement_and_no_row_more(self):
        for name, query in QUERIES.items():
            with self.subTest(name):
                right = comparable(self.source.run(query.sql.format("market.")), query.ordered)
                self.assertEqual(len(right), query.rows)
                pushed, statements = self.answer(query, "on")
                self.assertEqual(comparable(pushed, query.ordered), right)
                self.assertEqual([statement.rows for statement in statements], [query.rows], statements)
                whole, statements = self.answer(query, "off")
                self.assertEqual(comparable(whole, query.ordered), right)
                # So the counting can tell.
                self.assertGreater(sum(statement.rows for statement in statements), query.rows, statements)

    def test_verified(self):
        self.session.rows("SET pushdown = on")
        self.session.rows("SET pushdown_verify = on")
        try:
            for name, query in QUERIES.items():
                with self.subTest(name):
                    right = comparable(self.source.run(query.sql.format("market.")), query.ordered)
                    self.assertEqual(comparable(self.session.rows(query.sql.format("shop.market.")), query.ordered), right)
        finally:
            self.session.rows("SET pushdown_verify = off")

    def test_the_keys_of_a_join_reach_the_source(self):
        # Their range is nearly the whole table.
        keys = range(2000, ROWS + 1, 2000)
        values = ", ".join(f"({key})" for key in keys)
        sql = f"SELECT count(*), sum(x.price) FROM (VALUES {values}) c(id) JOIN {{0}}sales x ON x.id = c.id"
        chosen = f"SELECT count(*), sum(price) FROM {{0}}sales WHERE id IN ({', '.join(map(str, keys))})"
        right = comparable(self.source.run(chosen.format("market.")), False)
        found, statements = self.answer(Query(sql, 1), "on")
        self.assertEqual(comparable(found, False), right)
        self.assertEqual(sum(statement.rows for statement in statements), len(keys), statements)
        self.session.rows("SET dynamic_filter_wait_ms = 0")
        try:
            found, _ = self.answer(Query(sql, 1), "on")
            self.assertEqual(comparable(found, False), right)
        finally:
            self.session.rows("SET dynamic_filter_wait_ms = DEFAULT")

    def test_explain_shows_what_is_sent(self):
        self.session.rows("SET pushdown = on")
        sql = QUERIES["join and group by"].sql.format("shop.market.")
        plan = "\n".join(str(cell) for row in self.session.rows(f"EXPLAIN {sql}") for cell in row)
        for word in ("SELECT", "JOIN", "GROUP BY", "market", "sales", "shops"):
            self.assertIn(word, plan)

    def test_explain_verbose_shows_whole_statements(self):
        self.session.rows("SET pushdown = on")
        ids = [*range(1, 2000, 2), 98765]
        sql = f"SELECT shop, count(*) FROM shop.market.sales WHERE id IN ({', '.join(map(str, ids))}) GROUP BY shop"
        plan, verbose, analyzed = (
            "\n".join(str(cell) for row in self.session.rows(f"{explain} {sql}") for cell in row)
            for explain in ("EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN ANALYZE VERBOSE")
        )
        self.assertNotIn("98765", plan)
        for whole in (verbose, analyzed):
            self.assertRegex(whole, r"(?m)^statement of shop\.market\.sales: SELECT .*\b98765\b.* GROUP BY ")

    def test_explain_analyze_measures_scans(self):
        sql = "EXPLAIN ANALYZE SELECT id, price FROM shop.market.sales"
        plan = "\n".join(str(cell) for row in self.session.rows(sql) for cell in row)
        (scan,) = (line for line in plan.splitlines() if "SplitExec" in line)
        self.assertNotRegex(scan, r"output_bytes(_\w+)?=0\.0 B")
        self.assertNotRegex(scan, r"elapsed_compute(_\w+)?=1ns")


class OfPostgres(PushedDown):
    start = staticmethod(postgres)
    workers = 0


class OfPostgresOnTwoWorkers(OfPostgres):
    workers = 2


class OfMariaDb(PushedDown):
    start = staticmethod(mariadb)
    workers = 0


class OfMariaDbOnTwoWorkers(OfMariaDb):
    workers = 2


class ServersDefault(unittest.TestCase):
    def test_sessions_begin_with_it(self):
        source = self.enterContext(postgres())
        settings = {"engine.pushdown": "false", "engine.pushdown_verify": "true"}
        mooring = self.enterContext(federated.mooring(source.section("shop"), settings=settings))
        session = self.enterContext(mooring.session())
        self.assertEqual(session.rows("SELECT @@pushdown, @@pushdown_verify"), [(0, 1)])

        def sent():
            source.forget_statements()
            self.assertEqual(session.rows("SELECT count(*) FROM shop.market.shops"), [(SHOPS,)])
            return sum(statement.rows for statement in source.statements())

        self.assertEqual(sent(), SHOPS)
        session.rows("SET pushdown = on, pushdown_verify = off")
        self.assertEqual(sent(), 1)
        session.rows("SET pushdown = DEFAULT")
        self.assertEqual(sent(), SHOPS)


del PushedDown

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
