"""ADBC's Flight SQL driver: dbapi, pandas-free Arrow results, parameters, what it asks of metadata."""

import datetime
import unittest
from decimal import Decimal

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
from adbc_driver_flightsql import DatabaseOptions

import counted
from flight_client import encrypted, plain
from server import PASSWORDS


def connect(user="root", password="", location=None):
    location = location or plain()
    options = {"username": user, "password": password}
    if location == encrypted():
        options[DatabaseOptions.TLS_SKIP_VERIFY.value] = "true"
    return flight_sql.connect(location, db_kwargs=options, autocommit=True)


class Adbc(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()
        self.addCleanup(self.cursor.close)

    def rows(self, sql, parameters=None):
        self.cursor.execute(sql, parameters)
        return self.cursor.fetchall()

    def test_logins(self):
        for location in (plain(), encrypted()):
            with self.subTest(location), connect("alice", PASSWORDS["alice"], location) as connection:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    self.assertEqual(cursor.fetchall(), [(1,)])
        with self.assertRaises(flight_sql.Error):
            connect("alice", "wrong")

    def test_values_are_those_of_their_literals(self):
        for sql, expected in (
            ("CAST(7 AS SMALLINT)", 7),
            ("-9223372036854775808", -(2**63)),
            ("CAST('1.25' AS DECIMAL(10, 2))", Decimal("1.25")),
            ("1.5e0", 1.5),
            ("'ä'", "ä"),
            ("X'00ff'", b"\x00\xff"),
            ("DATE '1995-01-01'", datetime.date(1995, 1, 1)),
            ("TIMESTAMP '1995-01-01 01:02:03.000004'", datetime.datetime(1995, 1, 1, 1, 2, 3, 4)),
            ("NULL", None),
        ):
            with self.subTest(sql):
                self.assertEqual(self.rows(f"SELECT {sql} AS v"), [(expected,)])

    def test_parameters_keep_their_types(self):
        for value in (7, -(2**63), 1.5, "a'b", b"\x00\xff", datetime.date(1995, 1, 1)):
            with self.subTest(value):
                self.assertEqual(self.rows("SELECT ? AS v", (value,)), [(value,)])
        self.assertEqual(self.rows("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?", (1,)), [("AMERICA",)])

    def test_a_large_result_comes_as_arrow(self):
        self.cursor.execute("SELECT l_orderkey, l_comment FROM tpch.tiny.lineitem")
        table = self.cursor.fetch_arrow_table()
        self.assertEqual((table.num_rows, table.schema.types), (60175, [pa.int64(), pa.string()]))

    def test_errors_name_what_was_wrong(self):
        for sql, part in (("SELECT * FROM tpch.tiny.nothing", "nothing"), ("SELEC 1", "SELEC")):
            with self.subTest(sql), self.assertRaises(flight_sql.Error) as raised:
                self.rows(sql)
            self.assertIn(part, str(raised.exception))

    def test_metadata(self):
        self.assertIn("lineitem", str(self.connection.adbc_get_objects(catalog_filter="tpch").read_all().to_pylist()))
        self.assertIn("TABLE", self.connection.adbc_get_table_types())
        schema = self.connection.adbc_get_table_schema("region", catalog_filter="tpch", db_schema_filter="tiny")
        self.assertEqual(schema.names, ["r_regionkey", "r_name", "r_comment"])
        self.assertEqual(self.connection.adbc_get_info()["vendor_name"], "Mooring")


if __name__ == "__main__":
    counted.main()
