"""Whether two engines gave the same answer.

Rows are compared in their order only as far as ORDER BY decides it: rows with the same sort key
may come in any order, and a LIMIT may choose any of the rows that tie for its last places.
"""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal

FLOAT_TOLERANCE = 1e-6

Row = Sequence[object]


def difference(
    reference: Sequence[Row], answer: Sequence[Row], ordered_by: Sequence[int], limit: int | None
) -> str | None:
    """What is wrong with `answer`, or None.

    `reference` holds the rows without the limit. Without `ordered_by` no order is expected.
    """
    expected_count = len(reference) if limit is None else min(limit, len(reference))
    if len(answer) != expected_count:
        return f"{len(answer)} rows instead of {expected_count}"
    start = 0
    while start < len(answer):
        end = _end_of_ties(reference, start, ordered_by)
        candidates = list(reference[start:end])
        for position in range(start, min(end, len(answer))):
            match = _position_of(candidates, answer[position])
            if match is None:
                nearest = reference[start] if end - start == 1 else f"one of {end - start} rows"
                return f"row {position + 1} is {answer[position]} instead of {nearest}"
            del candidates[match]
        start = end
    return None


def same_value(expected: object, actual: object) -> bool:
    if expected is None or actual is None:
        return expected is actual
    if isinstance(expected, bool) or isinstance(actual, bool):
        return int(expected) == int(actual)  # MySQL sends booleans as 0 and 1
    if isinstance(expected, (int, Decimal)) and isinstance(actual, (int, Decimal)):
        return expected == actual
    if isinstance(expected, (int, float, Decimal)) and isinstance(actual, (int, float, Decimal)):
        # One engine averages or divides to a decimal of fixed scale where another makes a float:
        # the decimal's last digit is then its precision.
        last_digit = max(_last_digit(expected), _last_digit(actual))
        return math.isclose(
            float(expected), float(actual), rel_tol=FLOAT_TOLERANCE, abs_tol=last_digit
        )
    if isinstance(expected, datetime.datetime) != isinstance(actual, datetime.datetime):
        return False
    return type(expected) is type(actual) and expected == actual


def _last_digit(value: object) -> float:
    """The weight of a decimal's last digit: 0.01 for 3.14."""
    return float(Decimal(1).scaleb(value.as_tuple().exponent)) if isinstance(value, Decimal) else 0.0


def _same_row(expected: Row, actual: Row) -> bool:
    return len(expected) == len(actual) and all(map(same_value, expected, actual))


def _position_of(rows: Sequence[Row], wanted: Row) -> int | None:
    return next((i for i, row in enumerate(rows) if _same_row(row, wanted)), None)


def _end_of_ties(rows: Sequence[Row], start: int, ordered_by: Sequence[int]) -> int:
    """The end of the run of rows whose sort key is that of `rows[start]`."""
    if not ordered_by:
        return len(rows)
    end = start + 1
    while end < len(rows) and all(same_value(rows[start][i], rows[end][i]) for i in ordered_by):
        end += 1
    return end
