"""mysql-connector-python: its C extension (Oracle's libmysqlclient) and its pure form."""

# First of all: the wheel brings an OpenSSL that is newer than Debian 12's, and a process has one
# `libssl.so.3`. Whoever imports `ssl` before takes the system's, and the extension is "not available".
import _mysql_connector  # noqa: F401, I001

import os
import unittest
from decimal import Decimal

import mysql.connector
import pymysql
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
    """Without TLS the whole password goes out only if it is encrypted with the server's key, and
    neither form can ask for that: the extension knows `get_server_public_key` but offers it to
    nobody, and the pure form sends the password as it is. A server of MySQL answers both alike.
    """

    CR_AUTH_PLUGIN_ERR = 2061  # MySQL 8.0 Error Message Reference: the client's own refusal

    def assert_refused(self, password, pure, number):
        with self.assertRaises(mysql.connector.Error) as caught:
            connect("bob", password, use_pure=pure)
        self.assertEqual(caught.exception.errno, number)

    def test_the_whole_password_is_kept_back_and_the_digest_is_enough(self):
        self.assert_refused(PASSWORDS["bob"], False, self.CR_AUTH_PLUGIN_ERR)
        self.assert_refused(PASSWORDS["bob"], True, errorcode.ER_ACCESS_DENIED_ERROR)
        # A client that encrypts. From now on the server knows bob's digest, and both forms prove
        # the password without sending it.
        address = {"host": os.environ["MOORING_TEST_HOST"], "port": int(os.environ["MOORING_TEST_PORT"])}
        pymysql.connect(user="bob", password=PASSWORDS["bob"], ssl_disabled=True, **address).close()
        for pure in (False, True):
            with self.subTest(pure=pure):
                connect("bob", PASSWORDS["bob"], use_pure=pure).close()
        # The digest does not prove a wrong one, so the server asks for the whole password again.
        self.assert_refused("wrong", False, self.CR_AUTH_PLUGIN_ERR)
        self.assert_refused("wrong", True, errorcode.ER_ACCESS_DENIED_ERROR)


if __name__ == "__main__":
    counted.main()
