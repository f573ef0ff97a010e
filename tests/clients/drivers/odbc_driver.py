"""MariaDB Connector/ODBC (Debian's odbc-mariadb), through pyodbc."""

import glob
import re

import pyodbc

from checks import Adapter, Checks, told

LIBRARY = glob.glob("/usr/lib/*/odbc/libmaodbc.so")[0]


class Odbc(Adapter):
    cancel_again_s = 1
    error = pyodbc.Error
    latest: dict[pyodbc.Connection, pyodbc.Cursor] = {}  # by connection

    def connect(self, password, database=None):
        settings = {
            "DRIVER": LIBRARY, "SERVER": told("HOST"), "PORT": told("PORT"), "UID": told("USER"),
            "PWD": "{" + password + "}", "CHARSET": "utf8mb4",
            "FORCETLS": "1" if told("TLS") == "yes" else "0", "SSLVERIFY": "0",
        }
        if database is not None:
            settings["DATABASE"] = database
        text = ";".join(f"{name}={value}" for name, value in settings.items())
        return pyodbc.connect(text, autocommit=True)

    def number(self, error):
        # "[HY000] [ma-3.1.15][10.11.6-MariaDB]Query execution was interrupted (1317) (SQLExecDirectW)"
        return int(re.findall(r"\((\d{4})\)", str(error))[0])

    def prepared_sql(self, sql):
        return sql

    def case(self, sql, prepared):
        # pyodbc prepares what has parameters.
        return (f"{sql} WHERE 1 = ?", 1) if prepared else (sql, ())

    def facets(self, cursor):
        _, python_type, _, length, precision, scale, nullable = cursor.description[0]
        return {
            "type": python_type.__name__, "length": length, "precision": precision, "decimals": scale,
            "nullable": nullable,
        }

    def cancel(self, connection, number):
        self.latest[connection].cancel()  # SQLCancel

    def cursor(self, connection, prepared):
        self.latest[connection] = connection.cursor()
        return self.latest[connection]


Checks(Odbc()).run()
