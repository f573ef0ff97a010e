"""What MySQL's columns mean: each type as the key of a join and in conditions, with push-down and without. Right is what
MariaDB's own client has of the same rows, and two values are equal where Python's are.
"""

import itertools
import unittest
from dataclasses import dataclass

import pymysql

import counted
import federated
from database import PASSWORD
from mariadb_server import MariaDb
from server import processes

ROWS = 4000
# ER_PARSE_ERROR, ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_USER_LIMIT_REACHED.
INVALID_QUERY = 1064
INVALID_VALUE = 1366
LIMIT_EXCEEDED = 1226


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    values: tuple[str, ...]
    """One for each of five rows."""
    key_type: str
    keys: tuple[str, ...]
    """Of four rows, as the other side of a join has them and as literals."""
    answer: str = "{}"
    """What MariaDB is asked for where Mooring shows the type in another form."""


def number(name: str, sql: str, values: str, keys: str, key_type: str = "", answer: str = "{}") -> Column:
    return Column(name, sql, (*values.split(), "NULL"), key_type or sql, tuple(keys.split()), answer)


def text(name: str, sql: str, third: str = "'ä'") -> Column:
    keys = ("'a'", "'ä'", "'😀'", "'B'")
    return Column(name, sql, ("'a'", "'A'", third, "'a '", "NULL"), "VARCHAR(20) CHARACTER SET utf8mb4", keys)


COLLATIONS = [
    "utf8mb4_general_ci", "utf8mb4_bin", "utf8mb4_nopad_bin", "utf8mb3_general_ci", "utf8mb3_bin", "utf8mb3_nopad_bin",
    "latin1_swedish_ci", "latin1_bin", "latin1_nopad_bin", "ucs2_general_ci", "utf16_bin", "utf32_general_ci",
]
COLUMNS = [
    number("tinyint", "TINYINT", "-128 0 5 127", "5 -128 7 NULL"),
    number("tinyint_unsigned", "TINYINT UNSIGNED", "0 5 200 255", "5 255 7 NULL"),
    number("smallint_unsigned", "SMALLINT UNSIGNED", "0 5 200 65535", "5 65535 7 NULL"),
    number("mediumint", "MEDIUMINT", "-8388608 0 5 8388607", "5 -8388608 7 NULL", "INT"),
    number("int_unsigned", "INT UNSIGNED", "0 5 7 4294967295", "4294967295 5 8 NULL"),
    number("bigint", "BIGINT", "-9223372036854775808 0 5 7", "-9223372036854775808 5 8 NULL"),
    number("bigint_unsigned", "BIGINT UNSIGNED", "0 5 9223372036854775808 18446744073709551615", "18446744073709551615 5 8 NULL"),
    # To the server, 5 is 2005 there and 99 is 1999.
    number("year", "YEAR", "1901 1999 2005 2155", "5 99 2005 0", "SMALLINT"),
    number("bit_1", "BIT(1)", "0 1 1 0", "1 2 49 NULL", "BIGINT UNSIGNED", "{} + 0"),
    number("bit_64", "BIT(64)", "0 5 53 18446744073709551615", "18446744073709551615 5 54 NULL", "BIGINT UNSIGNED", "{} + 0"),
    number("float", "FLOAT", "0.5 -1.25 1024 0", "0.5 1024 1 NULL"),
    number("double", "DOUBLE", "0.1 -1.25 1e300 0", "0.1 1e300 1 NULL"),
    number("decimal", "DECIMAL(10,2)", "0.10 -5.00 99999999.99 0", "0.1 99999999.99 1 NULL"),
    number("date", "DATE", "'1000-01-01' '2024-02-29' '9999-12-31' '1969-12-31'", "'2024-02-29' '9999-12-31' '2024-03-01' NULL"),
    Column(
        "datetime", "DATETIME",
        ("'2024-02-29 00:00:00'", "'2024-02-29 23:59:59'", "'1969-12-31 23:59:59'", "'2200-01-01 00:00:00'", "NULL"),
        "DATETIME(6)", ("'2024-02-29 23:59:59'", "'2024-02-29 23:59:59.4'", "'1969-12-31 23:59:58.999999'", "NULL"),
    ),
    Column(
        "datetime_2", "DATETIME(2)",
        ("'2024-02-29 00:00:00.25'", "'2024-02-29 23:59:59.99'", "'1969-12-31 23:59:59.5'", "'2200-01-01 00:00:00'", "NULL"),
        "DATETIME(6)", ("'2024-02-29 23:59:59.99'", "'2024-02-29 00:00:00.254'", "'2024-02-29 00:00:00.245'", "NULL"),
    ),
    Column(
        "timestamp", "TIMESTAMP(3) NULL",
        ("'1970-01-01 00:00:01'", "'2024-02-29 12:30:00.123'", "'2038-01-19 03:14:07.999'", "'2038-01-01 00:00:00'", "NULL"),
        "TIMESTAMP(6) NULL", ("'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999'", "'2024-02-29 12:30:00.1231'", "NULL"),
    ),
    number(
        "time", "TIME", "'-838:59:59' '00:00:05' '25:00:00' '05:00:00'", "'25:00:00' '5:00:00' '5' '-838:59:59'", "VARCHAR(20)",
        "CAST({} AS CHAR)",
    ),
    *(text(collation, f"VARCHAR(20) COLLATE {collation}") for collation in COLLATIONS),
    text("ascii", "VARCHAR(20) CHARACTER SET ascii", "'b'"),
    text("sjis", "VARCHAR(20) CHARACTER SET sjis", "'b'"),
    text("char", "CHAR(5) CHARACTER SET utf8mb4"),
    text("char_mb3", "CHAR(5) CHARACTER SET utf8mb3"),
    text("longtext_mb3", "LONGTEXT CHARACTER SET utf8mb3"),
    number("enum", "ENUM('open','Closed','1','')", "'open' 'Closed' '1' ''", "'open' 'closed' '2' ''", "VARCHAR(20)"),
    number(
        "enum_mb3", "ENUM('open','Closed','ä','') CHARACTER SET utf8mb3", "'open' 'Closed' 'ä' ''", "'open' 'ä' '😀' ''",
        "VARCHAR(20)",
    ),
    number("set", "SET('a','b','c')", "'a' 'a,c' '' 'b'", "'a,c' 'c,a' '1' ''", "VARCHAR(20)"),
    number("json", "JSON", """'1' '{"a":1}' '[1,2]' '"ü"'""", """'1' '{"a":1.0}' '[1,2]' '1.0'""", "VARCHAR(20)"),
    number("binary", "BINARY(3)", "x'61' 'abc' x'00' x'6120'", "x'61' 'abc' x'62' NULL"),
    number("varbinary", "VARBINARY(9)", "x'' x'61' x'6100' x'6120'", "x'6100' x'61' x'' NULL"),
    number("blob", "LONGBLOB", "x'' x'61' x'6100' x'6120'", "x'6100' x'61' x'' NULL", "VARBINARY(9)"),
    number(
        "inet6", "INET6", "'::' '::1' '2001:db8::1' '::2'", "'::1' '0::1' '2001:DB8::1' '::'", "VARCHAR(40)", "CAST({} AS CHAR)",
    ),
]

INTEGERS = ["TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT"]
INTEGERS = [*INTEGERS, *(f"{integer} UNSIGNED" for integer in INTEGERS)]


def statements():
    yield "SET sql_mode = 'ALLOW_INVALID_DATES'"
    yield "CREATE DATABASE market"
    yield "USE market"
    for table, types, of in [
        ("few", [column.type for column in COLUMNS], lambda column, at: column.values[at]),
        ("asked", [column.key_type for column in COLUMNS], lambda column, at: column.keys[at]),
    ]:
        named = ", ".join(f"`c_{column.name}` {type_}" for column, type_ in zip(COLUMNS, types, strict=True))
        yield f"CREATE TABLE {table} (k INT PRIMARY KEY, {named})"
        for at in range(5 if table == "few" else 4):
            yield f"INSERT INTO {table} VALUES ({at}, {', '.join(of(column, at) for column in COLUMNS)})"
    yield "CREATE TABLE many LIKE few"
    named = ", ".join(f"few.`c_{column.name}`" for column in COLUMNS)
    yield f"INSERT INTO many SELECT s.seq, {named} FROM seq_1_to_{ROWS} s JOIN few ON few.k = s.seq % 5"
    yield "CREATE TABLE years (id INT PRIMARY KEY, y YEAR, KEY (y))"
    yield f"INSERT INTO years SELECT seq, 1901 + seq % 200 FROM seq_1_to_{25 * ROWS}"
    yield "CREATE TABLE asked_years (k SMALLINT PRIMARY KEY) AS SELECT seq AS k FROM seq_5_to_2155_step_10"
    yield "ANALYZE TABLE many, asked, years, asked_years"
    yield "CREATE TABLE days (id INT PRIMARY KEY, day DATE NULL, at DATETIME(2) NULL, stamp TIMESTAMP NULL)"
    yield """INSERT INTO days VALUES
        (1, '0000-00-00', '0000-00-00', '0000-00-00'), (2, '2024-00-10', '2024-00-10 01:02:03', '2024-01-09 00:00:00'),
        (3, '2024-02-31', '2024-02-31', NULL), (4, NULL, NULL, NULL),
        (5, '2024-01-10', '2024-01-10 10:00:00.25', '2024-01-10 10:00:00'), (6, '2024-01-11', '2024-01-11', '2024-01-11 00:00:00')"""
    yield "CREATE TABLE bytes (id INT PRIMARY KEY, b2 BINARY(2), b4 BINARY(4), v VARBINARY(5), c2 CHAR(2), c4 CHAR(4))"
    yield "INSERT INTO bytes VALUES (1, 'a', 'b', 'c', 'a', 'b'), (2, NULL, 'dd', x'6300', NULL, 'c')"
    numbers = ", ".join(f"n{at} {integer}, m{at} {integer}" for at, integer in enumerate(INTEGERS))
    yield f"CREATE TABLE numbers (id INT PRIMARY KEY, t VARCHAR(20), d DATE, {numbers})"
    starts = {"1, 'abc', '2024-03-01'": "5, 6", "2, NULL, NULL": "NULL, 120", "3, '', '1999-12-31'": "0, NULL"}
    for start, pair in starts.items():
        yield f"INSERT INTO numbers VALUES ({start}, {', '.join([pair] * len(INTEGERS))})"
    yield f"CREATE USER limited IDENTIFIED BY '{PASSWORD}' WITH MAX_QUERIES_PER_HOUR 1"
    yield "GRANT SELECT ON market.* TO limited"


class Columns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source = cls.enterClassContext(MariaDb())
        cls.source.make_reader()
        with cls.source.session() as session:
            for statement in statements():
                session.run(statement)
        section = cls.source.section
        # Tables of two catalogs are joined here.
        sections = [section("shop"), section("other"), section("lenient", zero_dates="null"), section("limited", user="limited")]
        cls.mooring = cls.enterClassContext(federated.mooring(*sections))
        cls.session = cls.enterClassContext(cls.mooring.session())

    def outcome(self, sql, mode):
        self.session.rows(f"SET pushdown = {mode}")
        try:
            return self.session.rows(sql)
        except pymysql.MySQLError as error:
            return error.args

    def same(self, sql, right, ordered=False):
        """Both ways the rows that are right, in any order but where they have one."""
        for mode in ["on", "off"]:
            with self.subTest(mode, sql=sql):
                rows = self.outcome(sql, mode)
                self.assertIsInstance(rows, list, rows)
                as_text = [[tuple(map(str, row)) for row in of] for of in (rows, right)]
                self.assertEqual(*(as_text if ordered else map(sorted, as_text)))

    def failing(self, sql, number, *words):
        """The same error both ways."""
        for mode in ["on", "off"]:
            with self.subTest(mode, sql=sql):
                told = self.outcome(sql, mode)
                self.assertIsInstance(told, tuple, told)
                self.assertEqual(told[0], number, told)
                for word in words:
                    self.assertIn(word, told[1])

    def test_a_join_finds_what_is_equal(self):
        for column in COLUMNS:
            name = f"`c_{column.name}`"
            values = [row[0] for row in self.source.run(f"SELECT {column.answer.format(name)} FROM market.few ORDER BY k")]
            keys = [row[0] for row in self.source.run(f"SELECT {name} FROM market.asked ORDER BY k")]
            pairs = [value == key for value, key in itertools.product(values, keys) if value is not None]
            right = [(sum(pairs) * ROWS // len(values),)]
            for table in ["shop.market.many", f"(SELECT k, {name} FROM shop.market.many WHERE k <> 0)"]:
                self.same(f"SELECT count(*) FROM {table} p JOIN other.market.asked v ON v.{name} = p.{name}", right)

    def test_a_range_of_years_loses_none(self):
        # 5 is 2005 to the server, as the least of a range, too.
        right = self.source.run("SELECT count(*) FROM market.years WHERE y + 0 IN (SELECT k FROM market.asked_years) AND id <> 4")
        for table in ["shop.market.years", "(SELECT id, y FROM shop.market.years WHERE id <> 4)"]:
            more = " WHERE p.id <> 4" if table.startswith("shop") else ""
            self.same(f"SELECT count(*) FROM {table} p JOIN other.market.asked_years v ON v.k = p.y{more}", right)

    def test_conditions_are_the_same_with_push_down(self):
        for column in COLUMNS:
            keys = [key for key in column.keys if key != "NULL"]
            conditions = [f"= {key}" for key in keys]
            conditions += [f"IN ({', '.join(keys)})", f"> {keys[0]}", f"<= {keys[1]}", "IS NULL", f"<> {keys[0]}"]
            for condition in conditions:
                sql = f"SELECT count(*) FROM shop.market.many WHERE `c_{column.name}` {condition}"
                with self.subTest(sql):
                    rows = self.outcome(sql, "on")
                    self.assertEqual(rows, self.outcome(sql, "off"))
                    # No type is compared with what it is not.
                    self.assertIsInstance(rows, list, rows)

    def test_dates_that_no_calendar_has_are_errors_wherever_they_are_seen(self):
        for day in ["day", "at"]:
            nulls = self.source.run(f"SELECT count(*) FROM market.days WHERE {day} IS NULL")
            self.same(f"SELECT count(*) FROM shop.market.days WHERE {day} IS NULL", nulls)
            for sql in [
                "SELECT id, {0} FROM {1} LIMIT 10", "SELECT id, {0} FROM {1} ORDER BY id LIMIT 2",
                "SELECT max({0}) FROM {1}", "SELECT count({0}) FROM {1}", "SELECT count(DISTINCT {0}) FROM {1}",
                "SELECT {0}, count(*) FROM {1} GROUP BY {0}", "SELECT id FROM {1} ORDER BY {0}, id LIMIT 2",
                "SELECT count(*) FROM {1} WHERE {0} IS NOT NULL", "SELECT count(*) FROM {1} WHERE year({0}) = 2024",
                "SELECT count(*) FROM {1} WHERE {0} < DATE '2024-01-11'",
                "SELECT x.id, y.{0} FROM {1} x LEFT JOIN {1} y ON y.id = x.id + 1 LIMIT 10",
                "SELECT id, rank() OVER (ORDER BY {0}) FROM {1}",
            ]:
                self.failing(sql.format(day, "shop.market.days"), INVALID_VALUE, "`shop`", "`zero_dates`")
        for sql in [
            "SELECT id, day, at FROM {0}days WHERE id > 3", "SELECT max(day), min(at), count(day) FROM {0}days WHERE id > 3",
            "SELECT stamp, count(*) FROM {0}days WHERE id > 1 GROUP BY stamp",
            "SELECT x.id, y.day, y.at FROM {0}days x LEFT JOIN {0}days y ON y.id = x.id + 1 AND y.id > 4 WHERE y.day IS NULL",
            "SELECT id FROM {0}days WHERE id > 3 AND day < DATE '2024-01-11'",
        ]:
            self.same(sql.format("shop.market."), self.source.run(sql.format("market.")))

    def test_dates_that_no_calendar_has_are_null_where_that_is_asked_for(self):
        # As MariaDB has the rows without them.
        for sql, peer in [
            ("SELECT id, day FROM {0} LIMIT 10", "SELECT id, IF(id < 4, NULL, day) FROM {0}"),
            ("SELECT max(day), min(at), count(day) FROM {0}", "SELECT max(day), min(at), count(day) FROM {0} WHERE id > 3"),
            ("SELECT count(*) FROM {0} WHERE day IS NULL", "SELECT count(*) FROM {0} WHERE id < 5"),
            ("SELECT at, count(*) FROM {0} GROUP BY at", "SELECT IF(id < 4, NULL, at) AS a, count(*) FROM {0} GROUP BY a"),
        ]:
            self.same(sql.format("lenient.market.days"), self.source.run(peer.format("market.days")))

    def test_bytes_of_one_length_stay_so_beside_longer_ones(self):
        for sql in [
            "SELECT b2 AS b FROM {0}bytes UNION ALL SELECT b4 FROM {0}bytes",
            "SELECT b4 AS b FROM {0}bytes UNION ALL SELECT v FROM {0}bytes UNION ALL SELECT b2 FROM {0}bytes",
            "SELECT c2 AS b FROM {0}bytes UNION ALL SELECT c4 FROM {0}bytes",
            "SELECT CASE WHEN id = 1 THEN b2 ELSE b4 END AS b FROM {0}bytes", "SELECT coalesce(b2, b4) AS b FROM {0}bytes",
        ]:
            # Each part by itself: what MariaDB makes of all together is not asked.
            parts = sql.format("market.").split(" UNION ALL ")
            right = [row for part in parts for row in self.source.run(part)]
            for bounded in [sql, f"SELECT b FROM ({sql}) AS t LIMIT 10", f"SELECT b FROM ({sql}) AS t WHERE b IS NOT NULL"]:
                wanted = [row for row in right if row[0] is not None or "NOT NULL" not in bounded]
                self.same(bounded.format("shop.market."), wanted)

    def test_numbers_that_the_server_computes_have_the_type_of_the_engine(self):
        forms = ["max(n{0})", "min(coalesce(n{0}, m{0}))", "max(CASE WHEN id > 1 THEN n{0} ELSE m{0} END)"]
        of_each = [form.format(at) for at in range(len(INTEGERS)) for form in forms]
        others = ["max(character_length(t))", "max(year(d))", "min(month(d))", "max(day(d))", "max(n2 * m2)"]
        for value in of_each + others:
            self.same(f"SELECT {value} FROM shop.market.numbers", self.source.run(f"SELECT {value} FROM market.numbers"))
        windows = "rank() OVER (ORDER BY n1), row_number() OVER (ORDER BY id)"
        sql = f"SELECT id, coalesce(n0, m0), {windows} FROM {{0}}numbers ORDER BY id LIMIT 9"
        self.same(sql.format("shop.market."), self.source.run(sql.format("market.")), ordered=True)

    def test_a_query_in_its_own_language_is_one_query(self):
        for query, word in [
            ("SELECT 1) AS a, (SELECT 2 AS b", "not accepted"), ("SELECT * FROM market.nothing", "nothing"),
            ("SELECT nothing FROM market.days", "nothing"), ("SELECT * FROM nowhere.days", "nowhere"), ("SELEC 1", "SELEC"),
        ]:
            sql = f"SELECT * FROM TABLE(shop.system.query('{query}'))"
            self.failing(sql, INVALID_QUERY, "`shop`", "not accepted", word)

    def test_what_the_server_refuses_is_told_as_what_it_is(self):
        sql = "SELECT * FROM TABLE(shop.system.query('SELECT id + 9223372036854775807 AS n FROM market.numbers'))"
        self.failing(sql, INVALID_VALUE, "`shop`", "1690")
        told = self.outcome("SELECT * FROM limited.market.days", "on")
        self.assertEqual(told[0], LIMIT_EXCEEDED, told)
        self.assertIn("max_queries_per_hour", told[1])
        self.assertNotIn("connections", told[1])


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
