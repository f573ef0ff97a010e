"""The 22 queries of TPC-H (specification 3.0.1, section 2.4) with their validation parameters."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "queries"
NUMBERS = range(1, 23)
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")

# The positions of the result's columns that ORDER BY names, most significant first. None of the
# 22 queries orders by something that it does not select.
ORDERED_BY = {
    1: (0, 1), 2: (0, 2, 1, 3), 3: (1, 2), 4: (0,), 5: (1,), 6: (), 7: (0, 1, 2), 8: (0,),
    9: (0, 1), 10: (2,), 11: (1,), 12: (0,), 13: (1, 0), 14: (), 15: (0,), 16: (3, 0, 1, 2),
    17: (), 18: (4, 3), 19: (), 20: (0,), 21: (1, 0), 22: (0,),
}

_LIMIT = re.compile(r"\blimit (\d+)\s*$")


@dataclass(frozen=True)
class Query:
    number: int
    sql: str
    ordered_by: tuple[int, ...]

    @property
    def limit(self) -> int | None:
        match = _LIMIT.search(self.sql)
        return int(match.group(1)) if match else None

    @property
    def unlimited_sql(self) -> str:
        """The query without its LIMIT: with all rows that a tie at the limit could choose from."""
        return _LIMIT.sub("", self.sql)


def query(number: int, scale: float) -> Query:
    sql = (FOLDER / f"q{number}.sql").read_text()
    if number == 11:
        at_scale_1 = "0.0001000000"
        assert sql.count(at_scale_1) == 1
        sql = sql.replace(at_scale_1, f"{0.0001 / scale:.10f}")
    return Query(number, sql.strip(), ORDERED_BY[number])


def schema_name(scale: float) -> str:
    """`sf1`, `sf10`, and `sf0_01` for 0.01."""
    return "sf" + f"{scale:g}".replace(".", "_")
