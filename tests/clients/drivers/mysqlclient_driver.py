"""mysqlclient (the module `MySQLdb`), over the libmysqlclient or libmariadb of the machine."""

import MySQLdb

from checks import Adapter, Checks, told


class MySqlClient(Adapter):
    prepares = False
    error = MySQLdb.MySQLError

    def connect(self, password, database=None):
        tls = told("TLS") == "yes"
        return MySQLdb.connect(
            host=told("HOST"), port=int(told("PORT")), user=told("USER"), password=password, charset="utf8mb4",
            ssl_mode="REQUIRED" if tls else "DISABLED", compress=told("COMPRESS") == "yes",
            **({} if database is None else {"database": database}),
        )

    def facets(self, cursor):
        result = cursor._result
        _, type_code, _, length, precision, scale, nullable = cursor.description[0]
        flags = cursor.description_flags[0]
        return {
            "type": type_code, "length": length, "precision": precision, "decimals": scale, "nullable": nullable,
            "flags": f"{flags:#06x}", "rows": result.num_rows() if result else 1,
        }


Checks(MySqlClient()).run()
