"""python3 -m unittest compare_test, in this folder."""

import datetime
import unittest
from decimal import Decimal

from compare import difference, same_value


class Values(unittest.TestCase):
    def test_decimals_are_exact(self):
        self.assertTrue(same_value(Decimal("1.50"), Decimal("1.5")))
        self.assertFalse(same_value(Decimal("100000000.01"), Decimal("100000000.02")))
        self.assertFalse(same_value(10**15, 10**15 + 1))

    def test_a_float_may_differ_by_its_tolerance_or_by_the_decimal_s_last_digit(self):
        self.assertTrue(same_value(0.05008133906964238, Decimal("0.050081")))
        self.assertFalse(same_value(0.05008133906964238, Decimal("0.050079")))
        self.assertTrue(same_value(1.0, 1.0000001))
        self.assertFalse(same_value(1.0, 1.00001))

    def test_types_matter(self):
        self.assertFalse(same_value("1", 1))
        self.assertFalse(same_value(None, 0))
        self.assertFalse(same_value(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)))
        self.assertTrue(same_value(True, 1))


class Rows(unittest.TestCase):
    ROWS = [("a", 3), ("b", 2), ("c", 2), ("d", 1)]

    def test_ties_come_in_any_order(self):
        self.assertIsNone(difference(self.ROWS, [("a", 3), ("c", 2), ("b", 2), ("d", 1)], [1], None))

    def test_the_sort_key_s_order_counts(self):
        self.assertIsNotNone(difference(self.ROWS, [("a", 3), ("b", 2), ("d", 1), ("c", 2)], [1], None))

    def test_without_order_by_any_order_is_right(self):
        self.assertIsNone(difference(self.ROWS, list(reversed(self.ROWS)), [], None))

    def test_a_limit_chooses_among_ties(self):
        self.assertIsNone(difference(self.ROWS, [("a", 3), ("c", 2)], [1], 2))
        self.assertIsNotNone(difference(self.ROWS, [("a", 3), ("d", 1)], [1], 2))

    def test_rows_too_few_too_many_or_twice(self):
        self.assertIsNotNone(difference(self.ROWS, self.ROWS[:3], [1], None))
        self.assertIsNotNone(difference(self.ROWS, [*self.ROWS, ("e", 0)], [1], None))
        self.assertIsNotNone(difference(self.ROWS, [("a", 3), ("b", 2), ("b", 2), ("d", 1)], [1], None))
        self.assertIsNotNone(difference([], [("a", 1)], [], None))


if __name__ == "__main__":
    unittest.main()
