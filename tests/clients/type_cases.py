"""The cases of `types.json`: one value of one type each, in the SQL of both servers, and which
differences between their answers are right.

A case's value stands in a column `c` of the case's type: for MariaDB in a table of its own, whose
column is NOT NULL as a literal's is; for Mooring in a CAST. Every type has a case that is NULL.
"""

import fnmatch
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DATABASE = "types"  # on MariaDB


@dataclass(frozen=True)
class Case:
    name: str
    mariadb_setup: list[str]
    mariadb: str
    mooring: str


@dataclass(frozen=True)
class Difference:
    """What may differ and why. Patterns are those of a shell; `driver` is the program's name."""

    facet: str
    cases: str
    reason: str
    driver: str = "*"
    protocol: str = "*"


@functools.cache
def read_types() -> list[dict]:
    return json.loads((Path(__file__).parent / "types.json").read_text())


def read_cases() -> list[Case]:
    return [case for entry in read_types() for case in cases_of(entry)]


def all_columns(server: str) -> str:
    """The columns of a table of all types that a table can declare."""
    declared = [entry for entry in read_types() if entry["mooring"] is not None]
    nullable = {"mariadb": " NULL", "mooring": ""}[server]  # MariaDB's TIMESTAMP is NOT NULL otherwise
    return ", ".join(f"c_{entry['type']} {entry[server]}{nullable}" for entry in declared)


def cases_of(entry: dict) -> Iterator[Case]:
    for number, value in enumerate([*entry["values"], "NULL"], start=1):
        spelled = value if isinstance(value, dict) else {"mariadb": value, "mooring": value}
        is_null = value == "NULL"
        name = f"{entry['type']}.null" if is_null else f"{entry['type']}.{number}"
        table = f"{DATABASE}.{name.replace('.', '_')}"
        mooring = spelled["mooring"]
        if entry["mooring"] is not None:
            mooring = f"CAST({mooring} AS {entry['mooring']})"
        elif is_null:
            continue  # what has no name cannot be cast to
        nullable = "NULL" if is_null else "NOT NULL"
        yield Case(
            name,
            [
                f"CREATE TABLE {table} (c {entry['mariadb']} {nullable})",
                f"INSERT INTO {table} VALUES ({spelled['mariadb']})",
            ],
            f"SELECT c FROM {table}",
            f"SELECT {mooring} AS c",
        )


# Text and bytes have one type each in Arrow, without a length.
TEXTS = ("varchar.*", "char.*", "text.*")
JSON = ("list.*", "struct.*")
NUMBERS = ("*int*", "float.*", "double.*", "decimal*")


def rules(facets: tuple[str, ...], cases: tuple[str, ...], reason: str, driver: str = "*", protocol: str = "*") -> list[Difference]:
    return [Difference(facet, case, reason, driver, protocol) for facet in facets for case in cases]


DIFFERENCES = [
    *rules(("length", "precision"), (*TEXTS, "varbinary.*"), "Mooring's text and bytes have no declared length"),
    *rules(("type*", "blob"), ("char.*", "text.*"), "Mooring has one type of text, VARCHAR"),
    *rules(("binary",), TEXTS, "of text it says in MySQL that the collation ends in _bin, which its id says too"),
    *rules(("binary",), NUMBERS, "MySQL sets it for a number that is computed, not for one of a table"),
    *rules(
        ("type*", "charset", "length", "precision", "binary"), JSON,
        "MySQL sends JSON as a type of its own in charset binary; JSON of MariaDB is LONGTEXT",
    ),
    *rules(("value", "class"), JSON, "this driver parses JSON", driver="mysql2"),
    *rules(("value", "class", "string"), JSON, "to this driver charset binary is bytes", driver="MariaDB Connector/J 3"),
    *rules(
        ("value", "string"), ("float.[56]",), protocol="text",
        reason="MariaDB writes a FLOAT in six digits, Mooring those that make the same number again",
    ),
    *rules(
        ("type*", "unsigned", "signed", "class", "column_class", "scan"), ("timestamp_6.*",),
        "Mooring sends an instant as DATETIME in the session's time zone",
    ),
    # What SQLAlchemy reads of a table of all types.
    *rules(("class",), ("all_types.c_char", "all_types.c_text"), "Mooring has one type of text, VARCHAR"),
    *rules(("fsp",), ("all_types.c_datetime*",), "a table's timestamps are microseconds, whatever was declared"),
    *rules(("class", "unsigned"), ("all_types.c_boolean",), "SHOW CREATE TABLE says BOOLEAN, as one declares it here"),
    *rules(("nullable",), ("*.?_comment",), "no comment of TPC-H is NULL, and the generator says so"),
    # charset binary is bytes to it in a prepared statement, text in another; so it is with MySQL's JSON.
    *rules(("value",), JSON, "bytes in a prepared statement", driver="mysql-connector-python*", protocol="binary"),
    *rules(("error",), JSON, "this version knows no JSON, which is younger than it", driver="MariaDB ODBC"),
    *rules(("nullable",), ("timestamp_6.1",), "to this driver a TIMESTAMP is nullable always", driver="MariaDB ODBC"),
    *rules(
        ("nullable",), ("varchar.[56]", "text.1", *JSON), driver="MySQL Connector/J 9",
        reason="it asks what prepare said, before constants are computed",
    ),
    *rules(("value",), ("timestamp_6.*",), "of another class, as above", driver="MySQL Connector/J 9"),
]

# MySQL Source Code Documentation, "Column Definition Flags". Of a table's column MySQL says more
# (keys, whether there is a default); a computed one has only these.
FLAGS = {"not_null": 0x1, "blob": 0x10, "unsigned": 0x20, "binary": 0x80}
# Ids of collations (`SHOW COLLATION`) by charset; which collation of utf8mb4, the session chooses.
CHARSETS = {"45": "utf8mb4", "46": "utf8mb4", "224": "utf8mb4", "63": "binary"}


def comparable(facets: dict[str, str]) -> dict[str, str]:
    """`facets` with the flags one by one, and the charset instead of a collation."""
    answer = dict(facets)
    flags = answer.pop("flags", None)
    if flags is not None and flags.startswith("0x"):
        answer |= {name: str(bool(int(flags, 0) & bit)) for name, bit in FLAGS.items()}
    elif flags is not None:
        answer |= {name: str(name in flags.split()) for name in FLAGS}
    if "collation" in answer:
        answer["charset"] = answer.pop("collation").rpartition("(")[2].rstrip(")")
    if "charset" in answer:
        answer["charset"] = CHARSETS.get(answer["charset"], answer["charset"])
    return answer


def difference_of(driver: str, protocol: str, case: str, facet: str) -> Difference | None:
    """The rule that allows `facet` of `case` to differ."""
    for rule in DIFFERENCES:
        wanted = [(driver, rule.driver), (protocol, rule.protocol), (case, rule.cases), (facet, rule.facet)]
        if all(fnmatch.fnmatchcase(text, pattern) for text, pattern in wanted):
            return rule
    return None
