"""PyMySQL, and what every client expects of results and errors."""

import datetime
import os
import unittest
from decimal import Decimal

import pymysql
from pymysql.constants import FIELD_TYPE

import counted
from server import PASSWORDS


def connect(user="root", password="", **more):
    return pymysql.connect(
        host=os.environ["MOORING_TEST_HOST"], port=int(os.environ["MOORING_TEST_PORT"]), user=user,
        password=password, ssl_disabled=True, **more,
    )


class Results(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.cursor = self.connection.cursor()

    def tearDown(self):
        self.connection.close()

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def test_rows(self):
        self.assertEqual(self.rows("SELECT count(*) FROM tpch.tiny.lineitem"), ((60175,),))

    def test_many_rows_unbuffered(self):
        cursor = self.connection.cursor(pymysql.cursors.SSCursor)
        cursor.execute("SELECT l_orderkey, l_comment FROM tpch.tiny.lineitem")
        self.assertEqual(sum(1 for _ in cursor), 60175)

    def test_an_abandoned_result_does_not_disturb_the_next(self):
        cursor = self.connection.cursor(pymysql.cursors.SSCursor)
        cursor.execute("SELECT l_orderkey FROM tpch.tiny.lineitem")
        cursor.fetchone()
        cursor.close()
        self.assertEqual(self.rows("SELECT 7"), ((7,),))

    def test_labels_are_the_text_of_the_statement(self):
        for sql, labels in [
            ("SELECT 1", ["1"]),
            ("SELECT count(*) FROM tpch.tiny.region", ["count(*)"]),
            ("SELECT COUNT(*),  1 + 1 FROM tpch.tiny.region", ["COUNT(*)", "1 + 1"]),
            ("SELECT r_name, R_Name AS `Other Name` FROM tpch.tiny.region", ["r_name", "Other Name"]),
            ("SELECT @@autocommit", ["@@autocommit"]),
            ("SELECT 'text'", ["text"]),
        ]:
            with self.subTest(sql):
                self.cursor.execute(sql)
                self.assertEqual([column[0] for column in self.cursor.description], labels)

    def test_types(self):
        for expression, column_type, value in [
            ("CAST(7 AS BIGINT)", FIELD_TYPE.LONGLONG, 7),
            ("CAST(7 AS INT)", FIELD_TYPE.LONG, 7),
            ("CAST(0.5 AS DOUBLE)", FIELD_TYPE.DOUBLE, 0.5),
            ("CAST(1.50 AS DECIMAL(10, 2))", FIELD_TYPE.NEWDECIMAL, Decimal("1.50")),
            ("DATE '2024-02-29'", FIELD_TYPE.DATE, datetime.date(2024, 2, 29)),
            ("TIMESTAMP '2024-02-29 12:30:00.25'", FIELD_TYPE.DATETIME, datetime.datetime(2024, 2, 29, 12, 30, 0, 250000)),
            ("'blåbær 🚢'", FIELD_TYPE.VAR_STRING, "blåbær 🚢"),
        ]:
            with self.subTest(expression):
                self.assertEqual(self.rows(f"SELECT {expression}"), ((value,),))
                self.assertEqual(self.cursor.description[0][1], column_type)

    def test_booleans_are_numbers(self):
        self.assertEqual(self.rows("SELECT 1 = 1, true, 1 = 2, NOT NULL IS NULL"), ((1, 1, 0, 0),))

    def test_no_rows_still_have_columns(self):
        self.assertEqual(self.rows("SELECT r_name, r_regionkey FROM tpch.tiny.region WHERE false"), ())
        self.assertEqual([column[0] for column in self.cursor.description], ["r_name", "r_regionkey"])

    def test_a_long_value(self):
        # Longer than one packet of the protocol (2^24 - 1 bytes).
        length = 17_000_000
        self.assertEqual(self.rows(f"SELECT repeat('x', {length})"), (("x" * length,),))

    def test_errors_leave_the_connection_usable(self):
        for sql, number in [
            ("SELEKT 1", 1064),
            ("USE nowhere", 1049),
            ("SELECT * FROM tpch.tiny.nothing", 1146),
            ("SELECT nothing FROM tpch.tiny.region", 1054),
            ("SELECT @@nothing", 1193),
        ]:
            with self.subTest(sql):
                with self.assertRaises(pymysql.MySQLError) as caught:
                    self.rows(sql)
                self.assertEqual(caught.exception.args[0], number)
                self.assertEqual(self.rows("SELECT 1"), ((1,),))

    def test_ping_and_select_db(self):
        self.connection.ping(reconnect=False)
        self.connection.select_db("tpch.tiny")
        self.assertEqual(self.rows("SELECT count(*) FROM region"), ((5,),))

    def test_the_database_of_the_handshake(self):
        with connect(database="tpch.tiny") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM nation")
            self.assertEqual(cursor.fetchall(), ((25,),))

    def test_an_unknown_database_in_the_handshake(self):
        with self.assertRaises(pymysql.MySQLError) as caught:
            connect(database="nowhere")
        self.assertEqual(caught.exception.args[0], 1049)


class Kills(unittest.TestCase):
    # 900 million rows: nobody reads them all in the time of a test.
    LONG = "SELECT l_comment FROM tpch.tiny.lineitem CROSS JOIN tpch.tiny.orders"

    def test_kill_query_while_a_client_reads_slowly(self):
        with connect() as slow, connect() as other:
            cursor = slow.cursor(pymysql.cursors.SSCursor)
            cursor.execute(self.LONG)
            # The rest waits in the sockets and in the server, which cannot send more.
            self.assertEqual(len([cursor.fetchone() for _ in range(1000)]), 1000)
            with other.cursor() as killer:
                killer.execute(f"KILL QUERY {slow.thread_id()}")
            # MySQL 8.0 Error Message Reference: ER_QUERY_INTERRUPTED.
            with self.assertRaises(pymysql.MySQLError) as caught:
                while cursor.fetchone() is not None:
                    pass
            self.assertEqual(caught.exception.args[0], 1317)
            # Only the query has ended.
            with slow.cursor() as next_cursor:
                next_cursor.execute("SELECT 7")
                self.assertEqual(next_cursor.fetchall(), ((7,),))


    def test_a_reader_ends_nothing_of_others_and_defines_nothing(self):
        with connect() as administrator, connect("nora", PASSWORDS["nora"]) as reader, reader.cursor() as cursor:
            # MySQL 8.0 Error Message Reference: ER_SPECIFIC_ACCESS_DENIED_ERROR; for KILL also the
            # older ER_KILL_DENIED_ERROR, which MySQL itself gives.
            for sql, numbers in [
                (f"KILL QUERY {administrator.thread_id()}", (1095, 1227)),
                ("CREATE SCHEMA lake.readers", (1227,)),
            ]:
                with self.subTest(sql), self.assertRaises(pymysql.MySQLError) as caught:
                    cursor.execute(sql)
                self.assertIn(caught.exception.args[0], numbers)
            cursor.execute("SELECT count(*) FROM tpch.tiny.region")
            self.assertEqual(cursor.fetchall(), ((5,),))


class Logins(unittest.TestCase):
    def assert_denied(self, user, password):
        with self.assertRaises(pymysql.MySQLError) as caught:
            connect(user, password)
        number, text = caught.exception.args
        self.assertEqual(number, 1045)
        self.assertIn(f"Access denied for user '{user}'", text)

    def test_caching_sha2_password(self):
        for login in ("first, over RSA", "second, from the cache"):
            with self.subTest(login):
                connect("alice", PASSWORDS["alice"]).close()

    def test_mysql_native_password(self):
        connect("nora", PASSWORDS["nora"]).close()

    def test_wrong_passwords(self):
        for user in ("alice", "nora"):
            for password in ("wrong", ""):
                with self.subTest(user=user, password=password):
                    self.assert_denied(user, password)

    def test_a_password_where_there_is_none(self):
        self.assert_denied("root", "wrong")

    def test_an_unknown_user(self):
        self.assert_denied("mallory", "any")
        self.assert_denied("mallory", "")

    def test_text_beyond_ascii(self):
        connect("carol", PASSWORDS["carol"].encode()).close()


if __name__ == "__main__":
    counted.main()
