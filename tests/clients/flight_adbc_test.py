"""ADBC's Flight SQL driver: dbapi, pandas, polars, parameters, errors, time-outs, what it asks of metadata."""

import datetime
import time
import unittest
import warnings
from decimal import Decimal

import adbc_driver_flightsql.dbapi as flight_sql
import pandas
import polars
import pyarrow as pa
from adbc_driver_flightsql import ConnectionOptions, DatabaseOptions, StatementOptions

import counted
from flight_cases import read_arrow_cases
from flight_client import encrypted, plain
from on_workers import LONG
from server import PASSWORDS

# The names of TPC-H's specification, section 4.2.3.
REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
PATIENCE_S = 60


def connect(user="root", password="", location=None, **options):
    location = location or plain()
    options |= {"username": user, "password": password}
    if location == encrypted():
        options[DatabaseOptions.TLS_SKIP_VERIFY.value] = "true"
    return flight_sql.connect(location, db_kwargs=options, autocommit=True)


class Connected(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()
        self.addCleanup(self.cursor.close)

    def rows(self, sql, parameters=None):
        self.cursor.execute(sql, parameters)
        return self.cursor.fetchall()


class Logins(unittest.TestCase):
    def test_logins(self):
        for location in (plain(), encrypted()):
            with self.subTest(location), connect("alice", PASSWORDS["alice"], location) as connection:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    self.assertEqual(cursor.fetchall(), [(1,)])
        with self.assertRaises(flight_sql.Error):
            connect("alice", "wrong")

    def test_as_one_connects_without_thinking(self):
        options = {"username": "root", "password": ""}
        with warnings.catch_warnings(record=True), flight_sql.connect(plain(), db_kwargs=options) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                self.assertEqual(cursor.fetchall(), [(1,)])


class Rows(Connected):
    def test_values_are_those_of_their_literals(self):
        for case in read_arrow_cases():
            with self.subTest(case=case.name):
                self.cursor.execute(case.sql)
                table = self.cursor.fetch_arrow_table()
                self.assertEqual((table.schema.types, table["c"].to_pylist()), ([case.type], [case.value]))

    def test_a_large_result_comes_as_arrow(self):
        for location in (plain(), encrypted()):
            with self.subTest(location), connect(location=location) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT l_orderkey, l_comment FROM tpch.tiny.lineitem")
                table = cursor.fetch_arrow_table()
                self.assertEqual((table.num_rows, table.schema.types), (60175, [pa.int64(), pa.string()]))

    def test_the_forms_of_dbapi(self):
        self.cursor.execute("SELECT r_regionkey, r_name FROM tpch.tiny.region ORDER BY 1")
        self.assertEqual([column[0] for column in self.cursor.description], ["r_regionkey", "r_name"])
        self.assertEqual(self.cursor.fetchone(), (0, "AFRICA"))
        self.assertEqual(self.cursor.fetchmany(2), [(1, "AMERICA"), (2, "ASIA")])
        self.assertEqual(self.cursor.fetchall(), [(3, "EUROPE"), (4, "MIDDLE EAST")])
        self.assertIsNone(self.cursor.fetchone())

    def test_statements_without_rows(self):
        self.cursor.execute("SET time_zone = '+02:00'")
        self.assertEqual(self.rows("SELECT @@time_zone"), [("+02:00",)])
        self.assertEqual(len(self.rows("SHOW TABLES FROM tpch.tiny")), 8)

    def test_pandas(self):
        sql = "SELECT r_name, r_regionkey FROM tpch.tiny.region ORDER BY r_regionkey"
        frame = pandas.read_sql(sql, self.connection)
        self.assertEqual((list(frame["r_name"]), list(frame["r_regionkey"])), (REGIONS, [0, 1, 2, 3, 4]))
        self.cursor.execute(sql)
        frame = self.cursor.fetch_df()
        self.assertEqual((list(frame["r_name"]), list(frame["r_regionkey"])), (REGIONS, [0, 1, 2, 3, 4]))

    def test_polars(self):
        sql = "SELECT r_name, r_regionkey FROM tpch.tiny.region ORDER BY r_regionkey"
        frame = polars.read_database(sql, self.connection)
        self.assertEqual(frame.to_dict(as_series=False), {"r_name": REGIONS, "r_regionkey": [0, 1, 2, 3, 4]})
        self.cursor.execute(sql)
        self.assertTrue(self.cursor.fetch_polars().equals(frame))

    def test_partitions(self):
        partitions, schema = self.cursor.adbc_execute_partitions("SELECT r_name FROM tpch.tiny.region ORDER BY r_regionkey")
        self.assertEqual(schema.names, ["r_name"])
        names = []
        for partition in partitions:
            self.cursor.adbc_read_partition(partition)
            names += [name for (name,) in self.cursor.fetchall()]
        self.assertEqual(names, REGIONS)

    def test_a_schema_without_the_rows(self):
        self.assertEqual(self.cursor.adbc_execute_schema("SELECT 1 AS a, 'x' AS b").names, ["a", "b"])


class Parameters(Connected):
    def test_parameters_keep_their_types(self):
        moment = datetime.datetime(2024, 2, 29, 12, 30, 0, 1)
        for value in (7, -(2**63), 1.5, "a'b", b"\x00\xff", True, datetime.date(1995, 1, 1), moment, Decimal("-1.25"), None):
            with self.subTest(value):
                self.assertEqual(self.rows("SELECT ? AS v", (value,)), [(value,)])
        self.assertEqual(self.rows("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?", (1,)), [("AMERICA",)])

    def test_batches_of_parameters(self):
        keys = pa.record_batch({"key": pa.array([4, 0], pa.int64())})
        self.assertEqual(self.rows("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?", keys), [("MIDDLE EAST",), ("AFRICA",)])

    def test_their_types_are_told(self):
        schema = self.cursor.adbc_prepare("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?")
        self.assertEqual(schema.types, [pa.int64()])
        limited = "SELECT r_name FROM tpch.tiny.region ORDER BY r_regionkey LIMIT ? OFFSET ?"
        self.assertEqual(self.cursor.adbc_prepare(limited).types, [pa.int64(), pa.int64()])
        self.cursor.execute(limited, (2, 1))
        self.assertEqual(self.cursor.fetchall(), [("AMERICA",), ("ASIA",)])


class Errors(Connected):
    def test_errors_have_their_class_and_sqlstate(self):
        for sql, error, state, part in (
            ("SELECT * FROM tpch.tiny.nothing", flight_sql.ProgrammingError, b"42S02", "nothing"),
            ("SELECT nothing FROM tpch.tiny.region", flight_sql.ProgrammingError, b"42S22", "nothing"),
            ("SELEC 1", flight_sql.ProgrammingError, b"42000", "SELEC"),
            ("INSERT INTO tpch.tiny.region VALUES (1)", flight_sql.NotSupportedError, b"42000", "INSERT"),
            ("SELECT CAST('x' AS INT)", flight_sql.Error, b"HY000", "x"),
        ):
            with self.subTest(sql), self.assertRaises(error) as raised:
                self.rows(sql)
            self.assertIn(part, str(raised.exception))
            self.assertIn((b"x-mooring-sqlstate", state), raised.exception.details)

    def test_what_there_is_not_is_refused_by_name(self):
        with self.assertRaisesRegex(flight_sql.NotSupportedError, "bulk ingestion"):
            self.cursor.adbc_ingest("t", pa.table({"a": [1]}), mode="create")
        with self.assertRaisesRegex(flight_sql.NotSupportedError, "Substrait"), self.connection.cursor() as cursor:
            cursor.execute(b"\x00")
        with self.assertRaisesRegex(flight_sql.NotSupportedError, "transaction"):
            self.connection.adbc_connection.set_autocommit(False)

    def test_time_outs_end_the_query(self):
        for option in (StatementOptions.TIMEOUT_QUERY, StatementOptions.TIMEOUT_FETCH):
            with self.subTest(option.name), connect() as connection, connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**{option.value: 0.2 if option is StatementOptions.TIMEOUT_QUERY else 1.0})
                with self.assertRaises(flight_sql.Error):
                    cursor.execute(LONG)
                    cursor.fetchall()
                self.await_none_running()

    def test_max_execution_time(self):
        self.cursor.execute("SET max_execution_time = 1000")
        with self.assertRaisesRegex(flight_sql.Error, "(?i)max_execution_time|time"):
            self.rows(LONG)
        self.await_none_running()

    def await_none_running(self):
        end = time.monotonic() + PATIENCE_S
        look = (
            "SELECT count(*) FROM system.runtime.queries WHERE statement LIKE 'SELECT count(*) AS runs_long%' "
            "AND state NOT IN ('finished', 'failed', 'cancelled')"
        )
        with connect() as connection, connection.cursor() as cursor:
            while True:
                cursor.execute(look)
                if cursor.fetchall() == [(0,)]:
                    break
                self.assertLess(time.monotonic(), end, "a query runs on after its time-out")


class Metadata(Connected):
    def test_objects_by_depth_and_filter(self):
        def objects(**filters):
            return self.connection.adbc_get_objects(**filters).read_all().to_pylist()

        self.assertLess({"lake", "system", "tpch"}, {one["catalog_name"] for one in objects(depth="catalogs")} | {"more"})
        [catalog] = objects(depth="tables", catalog_filter="tpch", db_schema_filter="tiny")
        [schema] = catalog["catalog_db_schemas"]
        names = {table["table_name"]: table["table_type"] for table in schema["db_schema_tables"]}
        self.assertEqual(sorted(names), ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"])
        self.assertEqual(set(names.values()), {"TABLE"})
        [catalog] = objects(catalog_filter="tpch", db_schema_filter="tiny", table_name_filter="regi%", column_name_filter="r_%")
        [table] = catalog["catalog_db_schemas"][0]["db_schema_tables"]
        self.assertEqual([column["column_name"] for column in table["table_columns"]], ["r_regionkey", "r_name", "r_comment"])
        self.assertEqual([column["ordinal_position"] for column in table["table_columns"]], [1, 2, 3])
        self.assertEqual([column["xdbc_type_name"] for column in table["table_columns"]][0], "bigint")
        self.assertEqual(table["table_constraints"], [])

    def test_the_rest(self):
        self.assertEqual(sorted(self.connection.adbc_get_table_types()), ["SYSTEM VIEW", "TABLE", "VIEW"])
        schema = self.connection.adbc_get_table_schema("region", catalog_filter="tpch", db_schema_filter="tiny")
        self.assertEqual(schema.names, ["r_regionkey", "r_name", "r_comment"])
        self.assertEqual(schema.types, [pa.int64(), pa.string(), pa.string()])
        info = self.connection.adbc_get_info()
        self.assertEqual(info["vendor_name"], "Mooring")

    def test_current_catalog_and_schema(self):
        self.connection.adbc_current_catalog = "tpch"
        self.connection.adbc_current_db_schema = "tiny"
        self.assertEqual((self.connection.adbc_current_catalog, self.connection.adbc_current_db_schema), ("tpch", "tiny"))
        self.assertEqual(self.rows("SELECT count(*) FROM region"), [(5,)])

    def test_session_options(self):
        name = ConnectionOptions.OPTION_SESSION_OPTION_PREFIX.value + "time_zone"
        self.connection.adbc_connection.set_options(**{name: "+02:00"})
        self.assertEqual(self.rows("SELECT @@time_zone"), [("+02:00",)])
        self.assertEqual(self.connection.adbc_connection.get_option(name), "+02:00")


if __name__ == "__main__":
    counted.main()
