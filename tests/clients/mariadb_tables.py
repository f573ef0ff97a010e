"""Tables on a MariaDB that catalogs of the kind `mysql` read: one of every type, empty ones, views, long rows."""

import pymysql

DATABASE = "market"
PASSWORD = "correct horse; ünïcode"

# Name, type, and values; `answer` is what MariaDB is asked for where Mooring shows a type in another form, as
# docs/mysql-source.md says.
TYPES = [
    ("boolean", "BOOLEAN", ["TRUE", "FALSE"], "{}"),
    ("tinyint", "TINYINT", ["-128", "127"], "{}"),
    ("tinyint_unsigned", "TINYINT UNSIGNED", ["0", "255"], "{}"),
    ("smallint", "SMALLINT", ["-32768", "32767"], "{}"),
    ("smallint_unsigned", "SMALLINT UNSIGNED", ["0", "65535"], "{}"),
    ("mediumint", "MEDIUMINT", ["-8388608", "8388607"], "{}"),
    ("mediumint_unsigned", "MEDIUMINT UNSIGNED ZEROFILL", ["7", "16777215"], "{}"),
    ("int", "INT", ["-2147483648", "2147483647"], "{}"),
    ("int_unsigned", "INT UNSIGNED", ["0", "4294967295"], "{}"),
    ("bigint", "BIGINT", ["-9223372036854775808", "9223372036854775807"], "{}"),
    ("bigint_unsigned", "BIGINT UNSIGNED", ["0", "18446744073709551615"], "{}"),
    ("year", "YEAR", ["1901", "2155"], "{}"),
    ("bit_1", "BIT(1)", ["b'0'", "b'1'"], "{} + 0"),
    ("bit_64", "BIT(64)", ["0", "18446744073709551615"], "{} + 0"),
    ("float", "FLOAT", ["-0.25", "1.5"], "{}"),
    ("double", "DOUBLE", ["0.1", "-1234567.125"], "{}"),
    ("decimal_10_2", "DECIMAL(10,2)", ["-99999999.99", "0.01"], "{}"),
    ("decimal_38_0", "DECIMAL(38,0)", ["99999999999999999999999999999999999999", "-1"], "{}"),
    ("decimal_38_38", "DECIMAL(38,38)", ["-0.12345678901234567890123456789012345678", "0"], "{}"),
    ("decimal_65_10", "DECIMAL(65,10)", ["1234567890123456789012345678.0123456789", "-0.5"], "{}"),
    ("date", "DATE", ["'1000-01-01'", "'9999-12-31'"], "{}"),
    ("datetime", "DATETIME", ["'2024-02-29 00:00:00'", "'2024-02-29 23:59:59'"], "{}"),
    ("datetime_6", "DATETIME(6)", ["'1969-12-31 23:59:59.999999'", "'2024-02-29 12:30:00.000001'"], "{}"),
    ("timestamp_3", "TIMESTAMP(3) NULL", ["'1971-01-01 00:00:00'", "'2024-02-29 12:30:00.123'"], "{}"),
    ("time", "TIME", ["'-838:59:59'", "'00:00:00'"], "CAST({} AS CHAR)"),
    ("time_3", "TIME(3)", ["'25:00:00.5'", "'-00:00:00.125'"], "CAST({} AS CHAR)"),
    ("char", "CHAR(5)", ["'ab'", "'größe'"], "{}"),
    ("varchar", "VARCHAR(50)", ["''", "'blåbær 🚢 ''漢字'''"], "{}"),
    ("latin1", "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", ["'é€'", "'E'"], "{}"),
    ("text", "LONGTEXT", ["REPEAT('long', 17000)", "'a\\nb'"], "{}"),
    ("binary", "BINARY(3)", ["x'00FF'", "'abc'"], "{}"),
    ("varbinary", "VARBINARY(10)", ["x''", "x'F09F00'"], "{}"),
    ("blob", "LONGBLOB", ["x'C328'", "''"], "{}"),
    ("enum", "ENUM('open','closed')", ["'open'", "'closed'"], "{}"),
    ("set", "SET('a','b','c')", ["''", "'a,c'"], "{}"),
    ("json", "JSON", ["'{\"a\": [1, null]}'", "'\"ü\"'"], "{}"),
    ("uuid", "UUID", ["'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"], "CAST({} AS CHAR)"),
    ("inet4", "INET4", ["'192.168.0.1'", "'0.0.0.0'"], "CAST({} AS CHAR)"),
    ("inet6", "INET6", ["'2001:db8::ff00:42:8329'", "'::'"], "CAST({} AS CHAR)"),
    ("geometry", "GEOMETRY", ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('LINESTRING(0 0,1 1)')"], "ST_AsWKB({})"),
]

LONG_BYTES = [20 << 20, 40 << 20]
NUMBERS = 300_000
# Between two keys of `balances`, and what each row has.
STEP = 10
AMOUNT = 100


def selected(types: list[tuple]) -> str:
    """All types, as the server is asked for them."""
    return f"SELECT id, {', '.join(answer.format(f'`c_{name}`') for name, _, _, answer in types)} FROM all_types"


def all_types(types: list[tuple]) -> list[str]:
    """With a row of nulls between the others."""
    return [
        f"CREATE TABLE all_types (id INT PRIMARY KEY, {', '.join(f'`c_{name}` {sql}' for name, sql, _, _ in types)})",
        f"INSERT INTO all_types VALUES (1, {', '.join(values[0] for _, _, values, _ in types)})",
        "INSERT INTO all_types (id) VALUES (2)",
        f"INSERT INTO all_types VALUES (3, {', '.join(values[1] for _, _, values, _ in types)})",
    ]


# What MySQL has, too.
COMMON = [
    "CREATE TABLE orders (id BIGINT PRIMARY KEY, customer VARCHAR(30) COLLATE utf8mb4_general_ci NOT NULL,"
    " price DECIMAL(10,2) NOT NULL, day DATE NULL, at DATETIME(3) NULL, note TEXT NULL,"
    " state ENUM('open','Closed') NOT NULL, code VARCHAR(10) COLLATE utf8mb4_nopad_bin, KEY (day))",
    """INSERT INTO orders VALUES
        (1, 'Ana', 10.50, '2024-01-31', '2024-01-31 10:00:00.250', NULL, 'open', 'a'),
        (2, 'ana', 0.01, '2024-02-29', '2024-02-29 23:59:59.999', 'x''y', 'Closed', 'A'),
        (3, 'ANA ', -5.00, NULL, NULL, '', 'open', 'a '),
        (4, 'Bob', 99.99, '2023-12-31', '2024-01-31 10:00:00.249', '\\\\', 'open', 'a\\t'),
        (5, 'Zoë', 10.50, '2024-01-31', '2024-01-31 10:00:00.251', '%', 'Closed', 'ä')""",
    "CREATE TABLE `empty` (id INT PRIMARY KEY, name VARCHAR(10))",
    "CREATE TABLE `Mixed Case` (`Id` INT PRIMARY KEY, `a``b` INT)",
    "INSERT INTO `Mixed Case` VALUES (1, 2)",
    "CREATE TABLE parts (id INT, region INT) PARTITION BY HASH (region) PARTITIONS 3",
    "INSERT INTO parts VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
    "CREATE VIEW of_orders AS SELECT customer, sum(price) AS total, count(*) AS n FROM orders GROUP BY customer",
    "CREATE TABLE gone (id INT)",
    "CREATE VIEW of_gone AS SELECT id FROM gone",
    "DROP TABLE gone",
    "CREATE TABLE zero_days (id INT PRIMARY KEY, day DATE NOT NULL, at DATETIME NULL)",
    "INSERT INTO zero_days VALUES (1, '0000-00-00', '2024-01-10 00:00:00'), (2, '2024-00-10', '0000-00-00 00:00:00'),"
    " (3, '2024-01-10', NULL)",
    "CREATE TABLE decimals (id INT PRIMARY KEY, d DECIMAL(65,0))",
    f"INSERT INTO decimals VALUES (1, {'9' * 38}), (2, {'9' * 39})",
    "CREATE TABLE long_rows (id INT PRIMARY KEY, c LONGTEXT)",
    *(f"INSERT INTO long_rows VALUES ({length}, CONCAT(REPEAT('x', {length - 3}), 'end'))" for length in LONG_BYTES),
    "CREATE TABLE changing (id INT, c INT)",
    "INSERT INTO changing VALUES (1, 1)",
]

OWN = [
    f"CREATE TABLE numbers (id INT PRIMARY KEY, half INT) AS SELECT seq AS id, seq DIV 2 AS half FROM seq_1_to_{NUMBERS}",
    "ANALYZE TABLE numbers",
    # Rows without end, and none for as long.
    "CREATE VIEW endless AS SELECT a.seq FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
    "CREATE VIEW silent AS SELECT a.seq FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq * b.seq < 0",
    "CREATE SEQUENCE counter",
]

# Made of `numbers`: rows that a test moves about, and rows of an engine without transactions.
LATER = [
    f"CREATE TABLE balances (id INT PRIMARY KEY, amount INT NOT NULL) AS SELECT id * {STEP} AS id, {AMOUNT} AS amount FROM numbers",
    "ANALYZE TABLE balances",
    "CREATE TABLE old_engine (id INT PRIMARY KEY, half INT) ENGINE = MyISAM AS SELECT * FROM numbers",
]

USERS = [
    f"CREATE USER reader IDENTIFIED BY '{PASSWORD}'",
    f"GRANT SELECT, SHOW VIEW ON {DATABASE}.* TO reader",
    "CREATE DATABASE hidden",
    "CREATE TABLE hidden.secret (id INT)",
    f"CREATE USER encrypted IDENTIFIED BY '{PASSWORD}' REQUIRE SSL",
    f"GRANT SELECT ON {DATABASE}.orders TO encrypted",
    f"CREATE USER few IDENTIFIED BY '{PASSWORD}' WITH MAX_USER_CONNECTIONS 1",
    f"GRANT SELECT ON {DATABASE}.* TO few",
    f"CREATE USER locker IDENTIFIED BY '{PASSWORD}'",
    f"GRANT SELECT, LOCK TABLES ON {DATABASE}.* TO locker",
]


def make(connection: pymysql.Connection) -> None:
    execute(connection, all_types(TYPES) + COMMON + OWN + LATER + USERS)


def execute(connection: pymysql.Connection, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        # Dates that no calendar has are taken.
        cursor.execute("SET sql_mode = ''")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        cursor.execute(f"USE {DATABASE}")
        for statement in statements:
            cursor.execute(statement)
