"""Users made by SQL, and what each may do and how each logs in.

Numbers: MySQL 8.0 Error Message Reference. Statements: MySQL 8.0 Reference Manual, 15.7.1
"Account Management Statements"; matching of hosts: 8.2.6 "Access Control, Stage 1".
"""

import contextlib
import os
import ssl
import unittest

import pymysql

import counted

PLUGINS = ("caching_sha2_password", "mysql_native_password")


def connect(user="root", password="", tls=False, **more):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return pymysql.connect(
        host=os.environ["MOORING_TEST_HOST"], port=int(os.environ["MOORING_TEST_PORT"]), user=user,
        password=password, ssl=context, ssl_disabled=not tls, **more,
    )


class Users(unittest.TestCase):
    def setUp(self):
        connection = self.enterContext(connect())
        self.cursor = connection.cursor()
        self.addCleanup(self.drop_all)

    def drop_all(self):
        with connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT user, host FROM mysql.user WHERE user LIKE 'test%'")
            for user, host in cursor.fetchall():
                cursor.execute(f"DROP USER '{user}'@'{host}'")

    def run_sql(self, *statements, cursor=None):
        for sql in statements:
            (cursor or self.cursor).execute(sql)
        return (cursor or self.cursor).fetchall()

    def assert_error(self, number, body, *arguments, **more):
        with self.assertRaises(pymysql.MySQLError) as caught:
            body(*arguments, **more)
        self.assertEqual(caught.exception.args[0], number, caught.exception)
        return caught.exception.args[1]

    def current_user(self, *arguments, **more):
        with connect(*arguments, **more) as connection, connection.cursor() as cursor:
            return self.run_sql("SELECT CURRENT_USER()", cursor=cursor)[0][0]

    def test_every_plugin(self):
        for plugin in PLUGINS:
            with self.subTest(plugin):
                user = f"test_{plugin[:8]}"
                self.run_sql(f"CREATE USER {user} IDENTIFIED WITH {plugin} BY 'pass word'")
                for tls in (False, True, False):
                    self.assertEqual(self.current_user(user, "pass word", tls=tls), f"{user}@%")
                self.assert_error(1045, connect, user, "wrong")
                self.assert_error(1045, connect, user, "wrong", tls=True)
                self.assertEqual(
                    self.run_sql(f"SELECT plugin FROM mysql.user WHERE user = '{user}'"), ((plugin,),)
                )

    def test_a_new_password(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'first'")
        connect("test", "first").close()
        for statement, password in (
            ("ALTER USER test IDENTIFIED BY 'second'", "second"),
            ("SET PASSWORD FOR test = 'third'", "third"),
        ):
            with self.subTest(statement):
                self.run_sql(statement)
                connect("test", password).close()
                self.assert_error(1045, connect, "test", "first")
        with connect("test", "third") as own, own.cursor() as cursor:
            self.run_sql("SET PASSWORD = 'fourth'", cursor=cursor)
        connect("test", "fourth").close()
        self.assert_error(1045, connect, "test", "third")

    def test_rename_and_drop(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'secret'", "RENAME USER test TO test2")
        self.assert_error(1045, connect, "test", "secret")
        connect("test2", "secret").close()
        self.run_sql("DROP USER test2")
        # The server's memory of the password ends with the user.
        self.assert_error(1045, connect, "test2", "secret")

    def test_users_that_are_there_or_not(self):
        self.run_sql("CREATE USER test")
        for sql in ("CREATE USER test", "DROP USER test_nobody", "ALTER USER test_nobody IDENTIFIED BY 'x'"):
            with self.subTest(sql):
                self.assert_error(1396, self.run_sql, sql)  # ER_CANNOT_USER
        self.run_sql("CREATE USER IF NOT EXISTS test", "DROP USER IF EXISTS test_nobody")

    def test_the_most_specific_host_first(self):
        self.run_sql(
            "CREATE USER test@'%' IDENTIFIED BY 'any'",
            "CREATE USER test@'127.%' IDENTIFIED BY 'near'",
            "CREATE USER test@'127.0.0.1' IDENTIFIED BY 'here'",
            "CREATE USER test@'192.0.2.1' IDENTIFIED BY 'elsewhere'",
        )
        for host, password in (("127.0.0.1", "here"), ("127.%", "near"), ("%", "any")):
            with self.subTest(host):
                self.assertEqual(self.current_user("test", password), f"test@{host}")
                # What is less specific is not asked.
                for other in {"here", "near", "any", "elsewhere"} - {password}:
                    self.assert_error(1045, connect, "test", other)
                self.run_sql(f"DROP USER test@'{host}'")
        self.assert_error(1045, connect, "test", "elsewhere")

    def test_a_wrong_password_and_no_user_look_alike(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'secret'")
        known = self.assert_error(1045, connect, "test", "wrong")
        unknown = self.assert_error(1045, connect, "test_nobody", "wrong")
        self.assertEqual(known.replace("test", "X"), unknown.replace("test_nobody", "X"))

    def test_readers_manage_nobody(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'secret'")
        with connect("test", "secret") as connection, connection.cursor() as cursor:
            for sql in (
                "CREATE USER test2", "DROP USER root", "ALTER USER root IDENTIFIED BY 'x'", "RENAME USER root TO test3",
                "GRANT ALL PRIVILEGES ON *.* TO test WITH GRANT OPTION", "SET PASSWORD FOR root = 'x'",
            ):
                with self.subTest(sql), self.assertRaises(pymysql.MySQLError) as caught:
                    self.run_sql(sql, cursor=cursor)
                # MySQL says one or another of these.
                self.assertIn(caught.exception.args[0], (1044, 1045, 1142, 1227, 1410), caught.exception)
        connect().close()

    def test_readers_see_their_own_queries_only(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'secret'", "SELECT 'of an administrator' FROM tpch.tiny.region")
        listed = "SELECT DISTINCT user_name FROM system.runtime.queries"
        with connect("test", "secret") as connection, connection.cursor() as cursor:
            self.assertEqual(self.run_sql(listed, cursor=cursor), (("test",),))
        self.assertLessEqual({("root",), ("test",)}, set(self.run_sql(listed)))

    def test_administrators_do(self):
        self.run_sql(
            "CREATE USER test IDENTIFIED BY 'secret'", "GRANT ALL PRIVILEGES ON *.* TO test WITH GRANT OPTION"
        )
        with connect("test", "secret") as connection, connection.cursor() as cursor:
            self.run_sql("CREATE USER test2 IDENTIFIED BY 'other'", cursor=cursor)
        connect("test2", "other").close()

    def test_tls_that_is_required(self):
        self.run_sql("CREATE USER test IDENTIFIED BY 'secret' REQUIRE SSL")
        self.assert_error(1045, connect, "test", "secret")
        with connect("test", "secret", tls=True) as connection, connection.cursor() as cursor:
            # What both sides have agreed on, in the words of the client's OpenSSL.
            cipher, version, _ = connection._sock.cipher()
            status = dict(self.run_sql("SHOW STATUS LIKE 'Ssl%'", cursor=cursor))
            self.assertEqual(status, {"Ssl_cipher": cipher, "Ssl_version": version})
        self.assertEqual(dict(self.run_sql("SHOW STATUS LIKE 'Ssl_cipher'")), {"Ssl_cipher": ""})
        self.run_sql("ALTER USER test REQUIRE X509")
        self.assert_error(1045, connect, "test", "secret", tls=True)
        self.run_sql("ALTER USER test REQUIRE NONE")
        connect("test", "secret").close()

    def test_no_password_is_shown(self):
        secret = "never-to-be-seen"
        self.run_sql(
            f"CREATE USER test IDENTIFIED BY '{secret}'", f"ALTER USER test IDENTIFIED BY '{secret}'",
            f"SET PASSWORD FOR test = '{secret}'",
        )
        for sql in (
            "SHOW FULL PROCESSLIST", "SELECT * FROM mysql.user", "SHOW CREATE USER test",
            "SELECT statement FROM system.runtime.queries",
        ):
            with contextlib.suppress(pymysql.MySQLError):
                self.assertNotIn(secret, str(self.run_sql(sql)), sql)


if __name__ == "__main__":
    counted.main()
