"""SQLAlchemy over PyMySQL: the logins of its dialect, and what it reads of tables."""

import contextlib
import ssl

import pymysql
import sqlalchemy

from checks import Adapter, Checks, escaped, told

FACETS = ("precision", "scale", "unsigned", "fsp", "asdecimal")


class SqlAlchemy(Adapter):
    prepares = False
    error = (pymysql.MySQLError, sqlalchemy.exc.DBAPIError)

    def engine(self, password, database=None):
        url = sqlalchemy.URL.create(
            "mysql+pymysql", told("USER"), None, told("HOST"), int(told("PORT")), database, {"charset": "utf8mb4"}
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        arguments = {"ssl": tls} if told("TLS") == "yes" else {"ssl_disabled": True}
        arguments["password"] = password.encode()  # text would be sent in latin1
        return sqlalchemy.create_engine(url, connect_args=arguments, poolclass=sqlalchemy.NullPool)

    def connect(self, password, database=None):
        engine = self.engine(password, database)
        with engine.connect():
            pass  # what the dialect asks of a server, once
        return engine.raw_connection()

    def number(self, error):
        return getattr(error, "orig", error).args[0]

    def facets(self, cursor):
        return {"type": cursor.description[0][1]}

    def run(self, check):
        check.check("reflection", self.reflect)

    def reflect(self):
        for database in ("tpch.tiny", told("TYPES_DATABASE")):
            with contextlib.closing(self.connect(told("PASSWORD"), database)):
                engine = self.engine(told("PASSWORD"), database)
            inspector = sqlalchemy.inspect(engine)
            # The schemas of the session's own catalog are listed without its name.
            names = inspector.get_schema_names()
            assert database in names or database.partition(".")[2] in names, names
            assert inspector.get_view_names() == []
            metadata = sqlalchemy.MetaData()
            wanted = inspector.get_table_names() if database == "tpch.tiny" else ["all_types"]
            assert not inspector.has_table("no_such_table")
            metadata.reflect(engine, only=wanted)
            for table in metadata.sorted_tables:
                for column in table.columns:
                    self.print_column(table, column)
            if database == "tpch.tiny":
                assert len(metadata.tables) == 8, metadata.tables.keys()

    def print_column(self, table, column):
        told_of = {"class": type(column.type).__name__, "nullable": column.nullable, "default": column.server_default}
        told_of |= {facet: getattr(column.type, facet, None) for facet in FACETS}
        facets = "\t".join(f"{facet}={escaped(value)}" for facet, value in told_of.items())
        print(f"value\treflection\t{table.name}.{column.name}\t{facets}")


if __name__ == "__main__":
    Checks(SqlAlchemy()).run()
