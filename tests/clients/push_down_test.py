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

# Texts that are equal under their collations and differ by case, accents and spaces at their end, and nulls. The parts have
# indexes.
SPELLED = "CASE seq % 5 WHEN 0 THEN 'Part ' WHEN 1 THEN 'PART ' WHEN 2 THEN 'Pärt ' WHEN 3 THEN 'Part ' END"
ENDED = "CASE seq % 5 WHEN 3 THEN ' ' ELSE '' END"
TEXT_COLUMNS = (
    "id INT PRIMARY KEY, sku VARCHAR(40) COLLATE utf8mb4_general_ci, latin VARCHAR(40) CHARACTER SET latin1 "
    "COLLATE latin1_swedish_ci, bytes VARCHAR(40) COLLATE utf8mb4_bin, made DATE, "
    "price DECIMAL(12, 2)"
)
PARTS = 3000
TEXT_TABLES = f"""
CREATE TABLE market.parts ({TEXT_COLUMNS}, KEY (sku), KEY (latin), KEY (made));
INSERT INTO market.parts
SELECT seq, sku, sku, sku, IF(seq % 5 = 4, NULL, DATE '2020-01-01' + INTERVAL seq DAY), IF(seq % 2, NULL, 1)
FROM (SELECT seq, concat({SPELLED}, seq DIV 5, {ENDED}) AS sku FROM market.seq_1_to_{PARTS}) AS s;
CREATE TABLE market.entries ({TEXT_COLUMNS});
INSERT INTO market.entries
SELECT seq, sku, sku, sku, IF(seq % 5 = 4, NULL, DATE '2020-01-01' + INTERVAL seq DAY), IF(seq % 2, NULL, 1)
FROM (SELECT seq, concat({SPELLED}, seq * 7 DIV 11 % 600, {ENDED}) AS sku FROM market.seq_1_to_{PARTS}) AS s;
ANALYZE TABLE market.parts, market.entries
"""


@dataclass(frozen=True)
class Query:
    sql: str
    # Of the answer.
    rows: int
    # Whether its rows come in an order.
    ordered: bool = False


# Texts stay out: see `TextKeys`.
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


class TextKeys(unittest.TestCase):
    """Joins by texts, whose equality is that of bytes, and by dates, which must be in a calendar."""

    SQL = "SELECT count(*), count(p.id), sum(p.id) FROM {0}entries l {1} {0}parts p ON {2}"

    @classmethod
    def setUpClass(cls):
        cls.source = cls.enterClassContext(mariadb())
        with cls.source.session() as session:
            for statement in TEXT_TABLES.split(";"):
                session.run(statement)
        mooring = cls.enterClassContext(federated.mooring(cls.source.section("shop")))
        cls.session = cls.enterClassContext(mooring.session())

    @staticmethod
    def by_bytes(column):
        return f"CAST(CONVERT({column} USING utf8mb4) AS BINARY)"

    def joined(self, join, condition, peer):
        """The statements that were sent for the join, whose rows are those of `peer` with push-down and without."""
        right = comparable(self.source.run(self.SQL.format("market.", join, peer)), False)
        for mode in ("off", "on"):
            self.session.rows(f"SET pushdown = {mode}")
            self.source.forget_statements()
            self.assertEqual(comparable(self.session.rows(self.SQL.format("shop.market.", join, condition)), False), right, mode)
        return self.source.statements()

    def access(self, statement):
        """How MariaDB finds rows of each table for it, and by which index."""
        # Behind the settings that the statement has for itself.
        explained = statement.replace(" FOR SELECT ", " FOR EXPLAIN SELECT ", 1)
        self.assertNotEqual(explained, statement)
        return [(row[3], row[5]) for row in self.source.run(explained)]

    def test_equal_texts_are_more_than_equal_bytes(self):
        for column in ("sku", "latin"):
            ((plain, _, _),) = self.source.run(self.SQL.format("market.", "JOIN", f"p.{column} = l.{column}"))
            by_bytes = f"{self.by_bytes(f'p.{column}')} = {self.by_bytes(f'l.{column}')}"
            ((exact, _, _),) = self.source.run(self.SQL.format("market.", "JOIN", by_bytes))
            self.assertGreater(plain, exact)
            self.assertGreater(exact, 0)

    def test_an_index_of_a_text_is_used(self):
        for column in ("sku", "latin"):
            for join in ("JOIN", "LEFT JOIN"):
                with self.subTest(f"{column} {join}"):
                    peer = f"{self.by_bytes(f'p.{column}')} = {self.by_bytes(f'l.{column}')}"
                    statements = self.joined(join, f"p.{column} = l.{column}", peer)
                    self.assertEqual([statement.rows for statement in statements], [1], statements)
                    self.assertIn(("ref", column), self.access(statements[0].sql))

    def test_an_index_of_a_date_is_used(self):
        statements = self.joined("JOIN", "p.made = l.made", "p.made = l.made")
        self.assertEqual([statement.rows for statement in statements], [1], statements)
        self.assertIn(("ref", "made"), self.access(statements[0].sql))

    def test_a_single_key_reads_no_whole_table(self):
        condition = "p.id = l.id AND l.bytes = 'Part 3'"
        # Spaces at the end are nothing to the server.
        peer = f"p.id = l.id AND {self.by_bytes('l.bytes')} = 'Part 3'"
        statements = self.joined("JOIN", condition, peer)
        self.assertIn(("eq_ref", "PRIMARY"), self.access(statements[0].sql))

    def test_without_an_index_rows_are_hashed(self):
        peer = f"{self.by_bytes('p.bytes')} = {self.by_bytes('l.bytes')}"
        statements = self.joined("JOIN", "p.bytes = l.bytes", peer)
        self.assertIn("hash_ALL", [kind for kind, _ in self.access(statements[0].sql)])

    def test_a_view_is_joined_as_its_server_does(self):
        # Equal but for spaces at their end, which a hash of MariaDB's does not see.
        self.source.run(
            "CREATE VIEW market.padded AS "
            "SELECT l.id, p.id AS part FROM market.entries l JOIN market.parts p ON p.bytes = l.bytes"
        )
        self.addCleanup(self.source.run, "DROP VIEW market.padded")
        sql = "SELECT count(*), sum(v.part), sum(l.id) FROM {0}padded v JOIN {0}entries l ON l.id = v.id"
        right = comparable(self.source.run(sql.format("market.")), False)
        for mode in ("off", "on"):
            self.session.rows(f"SET pushdown = {mode}")
            self.source.forget_statements()
            self.assertEqual(comparable(self.session.rows(sql.format("shop.market.")), False), right, mode)
        self.assertEqual([statement.rows for statement in self.source.statements()], [1])
        query = sql.format("market.")
        found = self.session.rows(f"SELECT * FROM TABLE(shop.system.query('{query.replace('count(*)', 'count(*) AS n')}'))")
        self.assertEqual(comparable(found, False), right)

    def test_two_collations_are_joined_here(self):
        peer = f"{self.by_bytes('p.sku')} = {self.by_bytes('l.bytes')}"
        statements = self.joined("JOIN", "p.sku = l.bytes", peer)
        self.assertEqual(len(statements), 2, statements)
        plan = self.session.rows(f"EXPLAIN {self.SQL.format('shop.market.', 'JOIN', 'p.sku = l.bytes')}")
        self.assertIn("one collation", "\n".join(str(cell) for row in plan for cell in row))

    def test_nulls_that_are_the_same(self):
        peer = f"{self.by_bytes('p.sku')} <=> {self.by_bytes('l.sku')} AND p.id = l.id"
        self.joined("JOIN", "p.sku <=> l.sku AND p.id = l.id", peer)
        # Beside an equality for which rows are hashed.
        peer = f"{self.by_bytes('p.bytes')} = {self.by_bytes('l.bytes')} AND p.price <=> l.price"
        statements = self.joined("JOIN", "p.bytes = l.bytes AND p.price <=> l.price", peer)
        self.assertEqual(len(statements), 1, statements)
        self.joined("JOIN", "p.made <=> l.made AND p.id = l.id", "p.made <=> l.made AND p.id = l.id")


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
