"""mysql-connector-python: its C extension (Oracle's libmysqlclient) and its pure form."""

import os
import unittest
from decimal import Decimal

import mysql.connector
from mysql.connector import FieldType, errorcode

import counted
from server import PASSWORDS


def connect(user="root", password="", **more):
    return mysql.connector.connect(
        host=os.environ["MOORING_TEST_HOST"], port=int(os.environ["MOORING_TEST_PORT"]), user=user,
        password=password, ssl_disabled=True, **more,
    )


class BothForms:
    pure: bool

    def setUp(self):
        self.connection = connect(use_pure=self.pure)
        self.cursor = self.connection.cursor()

    def tearDown(self):
        self.connection.close()

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def test_rows(self):
        self.assertEqual(self.rows("SELECT count(*) FROM tpch.tiny.lineitem"), [(60175,)])

    def test_labels_and_types(self):
        rows = self.rows("SELECT 1, count(*), CAST(1.5 AS DECIMAL(10, 2)), 'x' FROM tpch.tiny.region")
        self.assertEqual(rows, [(1, 5, Decimal("1.50"), "x")])
        described = [(column[0], column[1]) for column in self.cursor.description]
        self.assertEqual([label for label, _ in described], ["1", "count(*)", "CAST(1.5 AS DECIMAL(10, 2))", "x"])
        self.assertEqual(
            [column_type for _, column_type in described[1:]],
            [FieldType.LONGLONG, FieldType.NEWDECIMAL, FieldType.VAR_STRING],
        )

    def test_errors_leave_the_connection_usable(self):
        for sql, number in [
            ("SELEKT 1", errorcode.ER_PARSE_ERROR),
            ("USE nowhere", errorcode.ER_BAD_DB_ERROR),
            ("SELECT * FROM tpch.tiny.nothing", errorcode.ER_NO_SUCH_TABLE),
            ("SELECT nothing FROM tpch.tiny.region", errorcode.ER_BAD_FIELD_ERROR),
        ]:
            with self.subTest(sql):
                with self.assertRaises(mysql.connector.Error) as caught:
                    self.rows(sql)
                self.assertEqual(caught.exception.errno, number)
                self.assertEqual(self.rows("SELECT 1"), [(1,)])

    def test_ping_and_database(self):
        self.connection.ping(reconnect=False)
        self.connection.database = "tpch.tiny"
        self.assertEqual(self.rows("SELECT count(*) FROM region"), [(5,)])

    def test_mysql_native_password(self):
        connect("nora", PASSWORDS["nora"], use_pure=self.pure).close()

    def test_a_wrong_password(self):
        with self.assertRaises(mysql.connector.Error) as caught:
            connect("nora", "wrong", use_pure=self.pure)
        self.assertEqual(caught.exception.errno, errorcode.ER_ACCESS_DENIED_ERROR)


class CExtension(BothForms, unittest.TestCase):
    pure = False


class Pure(BothForms, unittest.TestCase):
    pure = True


class CachingSha2(unittest.TestCase):
    def test_full_path_over_rsa_then_the_cache(self):
        # The pure form cannot encrypt: it would send the password as it is, and is refused.
        with self.assertRaises(mysql.connector.Error):
            connect("bob", PASSWORDS["bob"], use_pure=True)
        connect("bob", PASSWORDS["bob"], use_pure=False).close()
        # Now the server knows bob's digest, and both forms prove the password without sending it.
        connect("bob", PASSWORDS["bob"], use_pure=False).close()
        connect("bob", PASSWORDS["bob"], use_pure=True).close()

    def test_a_wrong_password(self):
        with self.assertRaises(mysql.connector.Error) as caught:
            connect("bob", "wrong", use_pure=False)
        self.assertEqual(caught.exception.errno, errorcode.ER_ACCESS_DENIED_ERROR)


if __name__ == "__main__":
    counted.main()
