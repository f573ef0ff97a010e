"""Every type through Flight SQL: values against their literals, and parameters of every Arrow type there and back."""

import datetime
import unittest
from decimal import Decimal

import pyarrow as pa
import pyarrow.flight as flight

import counted
from flight_cases import UTC, read_arrow_cases
from flight_client import Client, command, encrypted, field, plain, query

DATE = datetime.date(2024, 2, 29)
MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 1)
FINE = MOMENT.replace(microsecond=123456)
INT = 2**31 - 1
# Values of each type of Arrow, and the type and the value that come back for the first: a parameter is the widest of its kind.
PARAMETERS = [
    *((pa.array([-5, 0, None], getattr(pa, f"int{bits}")()), pa.int64(), -5) for bits in (8, 16, 32, 64)),
    (pa.array([-(2**63), 2**63 - 1], pa.int64()), pa.int64(), -(2**63)),
    *((pa.array([5, 0, None], getattr(pa, f"uint{bits}")()), pa.int64(), 5) for bits in (8, 16, 32, 64)),
    (pa.array([2**64 - 1], pa.uint64()), pa.uint64(), 2**64 - 1),
    *((pa.array([-1.5, 0.0, None], getattr(pa, f"float{bits}")()), pa.float64(), -1.5) for bits in (16, 32, 64)),
    (pa.array([0.1], pa.float32()), pa.float64(), 0.10000000149011612),
    (pa.array([5e-324], pa.float64()), pa.float64(), 5e-324),
    *((pa.array([Decimal("-1.25")], kind(9, 2)), pa.decimal128(3, 2), Decimal("-1.25"))
      for kind in (pa.decimal32, pa.decimal64, pa.decimal128, pa.decimal256)),
    (pa.array([Decimal("9" * 38)], pa.decimal128(38, 0)), pa.decimal128(38, 0), Decimal("9" * 38)),
    *((pa.array(["it's \\ \0 🚢", "", None], kind()), pa.string(), "it's \\ \0 🚢")
      for kind in (pa.string, pa.large_string, pa.string_view)),
    (pa.array(["one", "two", None]).dictionary_encode(), pa.string(), "one"),
    *((pa.array([b"\x00\xff", b"", None], kind()), pa.binary(), b"\x00\xff")
      for kind in (pa.binary, pa.large_binary, pa.binary_view)),
    (pa.array([b"\x00\xff"], pa.binary(2)), pa.binary(), b"\x00\xff"),
    (pa.array([True, None]), pa.bool_(), True),
    *((pa.array([DATE, None], kind()), pa.date32(), DATE) for kind in (pa.date32, pa.date64)),
    *((pa.array([MOMENT, None], pa.timestamp(unit)), pa.timestamp("us"), MOMENT) for unit in ("s", "ms", "us", "ns")),
    (pa.array([FINE], pa.timestamp("us")), pa.timestamp("us"), FINE),
    (pa.array([None], pa.null()), pa.null(), None),
]


class Values(unittest.TestCase):
    def test_each_is_that_of_its_literal(self):
        for location in (plain(), encrypted()):
            client = Client(location=location)
            self.addCleanup(client.close)
            for case in read_arrow_cases():
                with self.subTest(case=case.name, location=location):
                    table = client.table(query(case.sql))
                    self.assertEqual((table.schema.types, table["c"].to_pylist()), ([case.type], [case.value]))

    def test_each_is_the_same_from_a_prepared_statement(self):
        client = Client()
        self.addCleanup(client.close)
        for case in read_arrow_cases():
            with self.subTest(case=case.name):
                prepared = client.prepare(case.sql)
                self.assertEqual(pa.ipc.read_schema(pa.py_buffer(prepared[2])).types, [case.type])
                table = client.table(command("CommandPreparedStatementQuery", field(1, prepared[1])))
                self.assertEqual((table.schema.types, table["c"].to_pylist()), ([case.type], [case.value]))

    def test_view_types_are_for_clients_that_read_them(self):
        client = Client()
        self.addCleanup(client.close)
        client.set_option("view_types", "true")
        table = client.table(query("SELECT r_name FROM tpch.tiny.region ORDER BY r_regionkey"))
        # The names of TPC-H's specification, section 4.2.3.
        self.assertEqual(table["r_name"].to_pylist(), ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"])


class Parameters(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)

    def bound(self, sql, *arrays):
        handle = self.client.prepare(sql)[1]
        self.client.bind(handle, pa.table({f"p{index}": array for index, array in enumerate(arrays)}))
        return self.client.table(command("CommandPreparedStatementQuery", field(1, handle)))

    def test_each_type_comes_back(self):
        for values, data_type, first in PARAMETERS:
            with self.subTest(str(values.type)):
                table = self.bound("SELECT ? AS v", values[:1])
                self.assertEqual((table.schema.types, table["v"].to_pylist()), ([data_type], [first]))

    def test_each_type_in_many_rows(self):
        for values, _, _ in PARAMETERS:
            with self.subTest(str(values.type)):
                null = [value is None for value in values.to_pylist()]
                self.assertEqual(self.bound("SELECT ? IS NULL AS n", values)["n"].to_pylist(), null)

    def test_times_compare_as_times(self):
        for unit, data_type in (("s", pa.time32), ("ms", pa.time32), ("us", pa.time64), ("ns", pa.time64)):
            with self.subTest(unit):
                noon = pa.array([datetime.time(12, 0, 1)], data_type(unit))
                table = self.bound("SELECT CAST('12:00:01' AS TIME) = ? AS same", noon)
                self.assertEqual(table["same"].to_pylist(), [True])

    def test_instants_are_wall_times_of_the_session(self):
        self.client.rows("SET time_zone = '+02:00'")
        noon = datetime.datetime(2024, 2, 29, 12, 0, 0, 1, UTC)
        for zone in ("UTC", "America/New_York"):
            with self.subTest(zone):
                instants = pa.array([noon], pa.timestamp("us", zone))
                table = self.bound("SELECT ? AS wall", instants)
                self.assertEqual(table["wall"].to_pylist(), [noon.replace(tzinfo=None) + datetime.timedelta(hours=2)])
                table = self.bound("SELECT CAST('2024-02-29 12:00:00.000001+00:00' AS TIMESTAMP WITH TIME ZONE) = ? AS same", instants)
                self.assertEqual(table["same"].to_pylist(), [True])

    def test_the_place_decides_the_type(self):
        self.assertEqual(self.bound("SELECT 7 = ? AS same", pa.array(["7"]))["same"].to_pylist(), [True])
        self.assertEqual(self.bound("SELECT r_name FROM tpch.tiny.region LIMIT ?", pa.array([2], pa.int8())).num_rows, 2)

    def test_other_types_are_refused_by_name(self):
        for values, part in (
            (pa.array([[1]]), "List"),
            (pa.array([{"a": 1}]), "Struct"),
            (pa.array([datetime.timedelta(1)]), "Duration"),
            (pa.array([2**62], pa.timestamp("s")), "range"),
            (pa.array([float("nan")]), "finite"),
            (pa.array([Decimal("9" * 39)], pa.decimal256(39, 0)), "range"),
        ):
            with self.subTest(str(values.type)), self.assertRaises((pa.lib.ArrowException, flight.FlightError)) as raised:
                self.bound("SELECT ? AS v", values)
            self.assertIn(part, str(raised.exception))

    def test_a_wrong_number_is_refused(self):
        for arrays in ((pa.array([1]),), (pa.array([1]),) * 3):
            with self.subTest(len(arrays)), self.assertRaisesRegex(pa.lib.ArrowInvalid, "2 parameters"):
                self.bound("SELECT ?, ?", *arrays)

    def test_values_stay_bound_until_others_are(self):
        handle = self.client.prepare("SELECT ? AS v")[1]
        statement = command("CommandPreparedStatementQuery", field(1, handle))
        for value in (1, 2):
            self.client.bind(handle, pa.table({"v": [value]}))
            for _ in range(2):
                self.assertEqual(self.client.table(statement).to_pylist(), [{"v": value}])


if __name__ == "__main__":
    counted.main()
