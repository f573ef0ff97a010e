"""mysql-connector-python: with the argument `c` its C extension (Oracle's libmysqlclient), with `pure` without."""

# First of all: the wheel brings an OpenSSL of its own, and a process has one `libssl.so.3`.
import _mysql_connector  # noqa: F401, I001

import sys

import mysql.connector

from checks import Adapter, Checks, told


class MySqlConnector(Adapter):
    error = mysql.connector.Error

    def connect(self, password, database=None):
        tls = told("TLS") == "yes"
        return mysql.connector.connect(
            host=told("HOST"), port=int(told("PORT")), user=told("USER"), password=password, database=database,
            ssl_disabled=not tls, ssl_verify_cert=False, use_pure=sys.argv[1] == "pure", autocommit=True,
            compress=told("COMPRESS") == "yes",
        )

    def number(self, error):
        return error.errno

    def cursor(self, connection, prepared):
        return connection.cursor(prepared=prepared)

    def facets(self, cursor):
        _, type_code, _, _, _, _, nullable, flags, charset = cursor.description[0]
        return {"type": type_code, "nullable": nullable, "charset": charset, "flags": f"{flags:#06x}"}


Checks(MySqlConnector()).run()
