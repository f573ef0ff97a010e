"""The tables of `mariadb_tables.py` on a MySQL, and those that only a MySQL has."""

import pymysql

import mariadb_tables
from mariadb_tables import DATABASE, NUMBERS, PASSWORD

MARIADB_ONLY = {"uuid", "inet4", "inet6", "decimal_38_38"}
TYPES = [known for known in mariadb_tables.TYPES if known[0] not in MARIADB_ONLY] + [
    ("decimal_38_30", "DECIMAL(38,30)", ["-12345678.123456789012345678901234567890", "0"], "{}"),
    ("vector", "VECTOR(3)", ["STRING_TO_VECTOR('[1, -2.5, 3e10]')", "STRING_TO_VECTOR('[0, 0, 0]')"], "CAST({} AS BINARY)"),
    # Latitude first, as the reference system has it.
    ("place", "POINT SRID 4326", [f"ST_GeomFromText('POINT({at})', 4326)" for at in ["48.2 16.4", "-33.9 151.2"]], "ST_AsWKB({})"),
]

OWN = [
    "CREATE TABLE numbers (id INT PRIMARY KEY, half INT)",
    f"SET SESSION cte_max_recursion_depth = {NUMBERS}",
    f"INSERT INTO numbers WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {NUMBERS})"
    " SELECT n, n DIV 2 FROM s",
    "ANALYZE TABLE numbers",
    # Rows without end, and none for as long.
    "CREATE VIEW endless AS SELECT CAST(a.id AS UNSIGNED) AS seq FROM numbers a, numbers b, numbers c",
    "CREATE VIEW silent AS SELECT a.id AS seq FROM numbers a, numbers b, numbers c WHERE a.id * b.id * c.id < 0",
    # By the server's own key, which `SELECT *` does not show there.
    "SET SESSION sql_generate_invisible_primary_key = ON",
    "CREATE TABLE keyless (name VARCHAR(10))",
    "SET SESSION sql_generate_invisible_primary_key = OFF",
    "INSERT INTO keyless VALUES ('a'), ('b')",
    "CREATE TABLE words (`rank` INT, `groups` INT, `lateral` INT, `manual` INT, `system` INT, `qualify` INT, `of` INT)",
    "INSERT INTO words VALUES (1, 2, 3, 4, 5, 6, 7)",
    # An index of an expression has no column.
    "CREATE TABLE indexed (id INT PRIMARY KEY, name VARCHAR(20), twice INT AS (id * 2) STORED, KEY ((UPPER(name))),"
    " KEY (name DESC), KEY unseen (twice) INVISIBLE)",
    "INSERT INTO indexed (id, name) VALUES (1, 'Ana'), (2, 'ana'), (3, 'ANÁ'), (4, 'ana '), (5, NULL)",
    "CREATE TABLE collations (id INT PRIMARY KEY, ai VARCHAR(10) COLLATE utf8mb4_0900_ai_ci, accents VARCHAR(10)"
    " COLLATE utf8mb4_0900_as_cs, bytes VARCHAR(10) COLLATE utf8mb4_0900_bin, padded VARCHAR(10) COLLATE utf8mb4_bin,"
    " short VARCHAR(10) CHARACTER SET utf8mb3)",
    *(
        f"INSERT INTO collations VALUES ({at}, {value}, {value}, {value}, {value}, {value})"
        for at, value in enumerate(["'a'", "'A'", "'á'", "'a '", "'a\t'", "''", "NULL", "'ß'", "'ss'", "'z'"])
    ),
]

USERS = [
    statement
    for user in ["sealed", "bare"]
    for statement in [f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'", f"GRANT SELECT ON {DATABASE}.* TO {user}"]
]


def make(connection: pymysql.Connection) -> None:
    # What the one collates by bytes without padding has another name at the other.
    common = [statement.replace("utf8mb4_nopad_bin", "utf8mb4_0900_bin") for statement in mariadb_tables.COMMON]
    others = mariadb_tables.LATER + mariadb_tables.USERS + USERS
    mariadb_tables.execute(connection, mariadb_tables.all_types(TYPES) + common + OWN + others)
