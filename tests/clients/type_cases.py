"""The cases of `types.json`: one value of one type each, in the SQL of both servers, and which
differences between their answers are right.

A case's value stands in a column `c` of the case's type: for MariaDB in a table of its own, whose
column is NOT NULL as a literal's is; for Mooring in a CAST. Every type has a case that is NULL.
"""

import fnmatch
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


def read_cases() -> list[Case]:
    return [
        case
        for entry in json.loads((Path(__file__).parent / "types.json").read_text())
        for case in cases_of(entry)
    ]


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


DIFFERENCES: list[Difference] = []


def difference_of(driver: str, protocol: str, case: str, facet: str) -> Difference | None:
    """The rule that allows `facet` of `case` to differ."""
    for rule in DIFFERENCES:
        wanted = [(driver, rule.driver), (protocol, rule.protocol), (case, rule.cases), (facet, rule.facet)]
        if all(fnmatch.fnmatchcase(text, pattern) for text, pattern in wanted):
            return rule
    return None
