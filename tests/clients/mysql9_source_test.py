"""What `mysql_source_test.py` says of MariaDB, of a MySQL 9; and what only that has: `caching_sha2_password`, collations
of its own, keys that it makes itself."""

import contextlib

import counted
import mysql9_tables
import mysql_source_test as common
from mysql9_server import MySql9
from server import processes


class OfMySql9:
    server = MySql9
    tables = mysql9_tables

    @classmethod
    def more_sections(cls, port):
        return [
            common.section("sealed", port, user="sealed", tls="disable", rsa_exchange=True),
            common.section("bare", port, user="bare", tls="disable"),
            common.section("shielded", port, user="bare", tls="require"),
        ]

    def test_a_password_goes_under_the_key_of_the_server(self):
        # All of it at first, and a proof of it once the server remembers.
        for _ in range(2):
            self.same("SELECT id FROM sealed.market.orders", "SELECT id FROM orders")
            self.end_connections("sealed")

    def test_a_password_goes_over_tls_until_the_server_remembers(self):
        number = self.refused("SELECT id FROM bare.market.orders", "`bare`", "`rsa_exchange`")
        self.assertEqual(number, common.SOURCE_REFUSED)
        self.same("SELECT id FROM shielded.market.orders", "SELECT id FROM orders")
        self.same("SELECT id FROM bare.market.orders", "SELECT id FROM orders")
        # It forgets.
        self.on_source("FLUSH PRIVILEGES")
        self.end_connections("bare")
        self.refused("SELECT id FROM bare.market.orders", "`bare`", "`rsa_exchange`")
        self.same("SELECT id FROM shielded.market.orders", "SELECT id FROM orders")

    def end_connections(self, user):
        for (id_,) in self.on_source(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}'"):
            with contextlib.suppress(common.pymysql.MySQLError):  # it may have ended
                self.on_source(f"KILL {id_}")

    def test_keys_that_the_server_makes(self):
        self.assertEqual([row[0] for row in self.rows("DESCRIBE keyless")], ["my_row_id", "name"])
        self.same("SELECT * FROM keyless", "SELECT my_row_id, name FROM keyless")
        self.same("SELECT name FROM keyless WHERE my_row_id = 2")

    def test_words_of_the_language_are_names(self):
        self.same("SELECT * FROM words")
        columns = "`rank`, `groups`, `lateral`, `manual`, `system`, `qualify`, `of`"
        self.same(f"SELECT {columns} FROM words WHERE `rank` = 1 AND `system` > 4")
        self.same(f"SELECT count(*), {columns} FROM words GROUP BY {columns}")

    def test_indexes_of_expressions_have_no_column(self):
        self.same("SELECT * FROM indexed", "SELECT id, name, twice FROM indexed")
        self.same("SELECT id FROM indexed WHERE twice BETWEEN 4 AND 8")
        self.same("SELECT id FROM indexed WHERE UPPER(name) = 'ANA'", "SELECT id FROM indexed WHERE BINARY UPPER(name) = 'ANA'")

    def test_whole_numbers_are_computed_in_64_bits(self):
        whole = ["tinyint", "tinyint_unsigned", "smallint", "smallint_unsigned", "mediumint", "int", "int_unsigned", "bigint", "bigint_unsigned"]
        for name in whole:
            self.same(f"SELECT CASE WHEN id <> 2 THEN c_{name} END AS x, count(*) FROM all_types GROUP BY x")
        for sql in [
            "SELECT year(day) AS y, month(day) AS m, count(*) FROM orders GROUP BY y, m",
            "SELECT char_length(customer) AS n, count(*) FROM orders GROUP BY n",
            "SELECT year(day) - 3000 AS y, count(*) FROM orders GROUP BY y",
        ]:
            self.same(sql, sql.replace("year(day) - 3000", "CAST(year(day) AS SIGNED) - 3000"))

    def test_texts_are_compared_by_their_bytes(self):
        values = ["a", "A", "á", "a ", "a\t", "", "ß", "ss", "z"]
        for column in ["ai", "bytes", "padded", "short"]:
            for value in values:
                for operator in ["=", "<"]:
                    condition = f"{column} {operator} '{value}'"
                    self.same(
                        f"SELECT id FROM collations WHERE {condition}",
                        f"SELECT id FROM collations WHERE CAST(CONVERT({column} USING utf8mb4) AS BINARY) {operator} '{value}'",
                    )
            by_bytes = f"CAST(CONVERT({column} USING utf8mb4) AS BINARY)"
            for sql in [
                "SELECT {0}, count(*) FROM collations GROUP BY {0}", "SELECT DISTINCT {0} FROM collations",
                "SELECT count(DISTINCT {0}), min({0}), max({0}) FROM collations",
                "SELECT a.id, b.id FROM collations a JOIN collations b ON a.{0} = b.{0}",
                "SELECT id FROM collations WHERE {0} IN ('a', 'SS', 'Z ')", "SELECT id FROM collations WHERE {0} LIKE 'a%'",
                "SELECT id FROM collations ORDER BY {0}, id LIMIT 3",
            ]:
                peer = sql.format(by_bytes) if "JOIN" not in sql else sql.format(column).replace(
                    f"a.{column} = b.{column}", f"{by_bytes.replace(column, f'a.{column}')} = {by_bytes.replace(column, f'b.{column}')}"
                )
                self.same_texts(sql.format(column), peer)

    def same_texts(self, sql, peer_sql):
        """The peer answers bytes where it compares by them."""
        def plain(rows):
            texts = [[value.decode() if isinstance(value, bytes) else value for value in row] for row in rows]
            return sorted(texts, key=lambda row: [str(value) for value in row])

        with self.subTest(sql):
            self.assertEqual(plain(self.rows(sql)), plain(self.on_source(peer_sql)))


class OneNode(OfMySql9, common.OneNode):
    pass


class TwoWorkers(OfMySql9, common.TwoWorkers):
    pass


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
