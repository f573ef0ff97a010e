"""PyMySQL."""

import ssl

import pymysql

from checks import Adapter, Checks, told


class PyMySql(Adapter):
    prepares = False
    error = pymysql.MySQLError

    def connect(self, password, database=None):
        tls = None
        if told("TLS") == "yes":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        return pymysql.connect(
            host=told("HOST"), port=int(told("PORT")), user=told("USER"), password=password.encode(), database=database,
            ssl=tls, ssl_disabled=tls is None,
        )

    def facets(self, cursor):
        column = cursor._result.fields[0]
        return {
            "type": column.type_code, "charset": column.charsetnr, "length": column.length,
            "decimals": column.scale, "flags": f"{column.flags:#06x}",
        }


Checks(PyMySql()).run()
