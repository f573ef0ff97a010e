"""Commands and packets that drivers send rarely, or only together."""

import contextlib
import struct
import unittest

import counted
import raw_client as raw
from raw_client import PACKET_MAX, Raw, ServerError, address
from server import PASSWORDS

BLOB = 0xFC  # MYSQL_TYPE_BLOB
BINARY_ROWS_NULLS = 2  # "Binary Protocol Resultset Row": the first two bits are not used


class Commands(unittest.TestCase):
    def setUp(self):
        self.connection = self.enterContext(Raw(address()))

    def value(self, sql, connection=None):
        return (connection or self.connection).query(sql).rows[0][0]

    def assert_error(self, number, body, *arguments):
        with self.assertRaises(ServerError) as caught:
            body(*arguments)
        self.assertEqual(caught.exception.number, number)

    def test_many_commands_in_one_segment(self):
        nothing = (0).to_bytes(4, "little")
        self.connection.socket.sendall(
            raw.packet(raw.PING)
            + raw.packet(raw.QUERY, b"SELECT 1")
            + raw.packet(raw.CLOSE, nothing)  # has no answer
            + raw.packet(raw.QUERY, b"SELEKT")
            + raw.packet(raw.RESET_CONNECTION)
            + raw.packet(raw.QUERY, b"SELECT 2")
        )
        self.assertEqual(self.connection.answer()[0], 0)
        self.assertEqual(self.connection.result().rows, [[b"1"]])
        self.assert_error(1064, self.connection.answer)
        self.assertEqual(self.connection.answer()[0], 0)
        self.assertEqual(self.connection.result().rows, [[b"2"]])

    def test_a_thousand_queries_in_one_segment(self):
        self.connection.socket.sendall(b"".join(raw.packet(raw.QUERY, b"SELECT %d" % n) for n in range(1000)))
        for number in range(1000):
            self.assertEqual(self.connection.result().rows, [[b"%d" % number]])

    def test_a_query_in_the_segment_of_the_login(self):
        with Raw(address(), first=raw.packet(raw.QUERY, b"SELECT 3")) as eager:
            self.assertEqual(eager.result().rows, [[b"3"]])

    def change_user(self, user, password):
        scramble = raw.native_scramble(password, self.connection.salt)
        self.connection.command(
            raw.CHANGE_USER,
            user + b"\0" + bytes([len(scramble)]) + scramble + b"\0" + struct.pack("<H", 45) + b"mysql_native_password\0",
        )
        self.connection.password = password
        self.connection._await_login()

    def test_change_user(self):
        self.connection.query("SET wait_timeout = 12345")
        self.change_user(b"nora", PASSWORDS["nora"].encode())
        self.assertTrue(self.value("SELECT CURRENT_USER()").startswith(b"nora@"))
        self.assertEqual(self.value("SELECT @@wait_timeout"), b"28800")
        # With the rights of the new user, not of the old one.
        self.assert_error(1227, self.connection.query, "CREATE SCHEMA lake.of_nora")

    def test_change_user_with_a_wrong_password(self):
        with self.assertRaises(ServerError) as caught:
            self.change_user(b"nora", b"wrong")
        # Also MySQL's ER_ACCESS_DENIED_CHANGE_USER_ERROR.
        self.assertIn(caught.exception.number, (1045, 1873))
        # MySQL ends the connection then, MariaDB goes back to the old user.
        with contextlib.suppress(EOFError, ConnectionError):
            self.assertTrue(self.value("SELECT CURRENT_USER()").startswith(b"root@"))

    def test_reset_connection(self):
        statement, _, _ = self.connection.prepare("SELECT 1")
        self.connection.query("SET wait_timeout = 12345")
        self.connection.ask(raw.INIT_DB, b"tpch.tiny")
        self.assertEqual(self.connection.ask(raw.RESET_CONNECTION)[0], 0)
        self.assertEqual(self.value("SELECT @@wait_timeout"), b"28800")
        # MySQL 8.0 Error Message Reference: ER_UNKNOWN_STMT_HANDLER.
        execute = struct.pack("<IBI", statement, 0, 1)
        self.assert_error(1243, self.connection.ask, raw.EXECUTE, execute)

    def test_statistics(self):
        self.assertRegex(self.connection.ask(raw.STATISTICS), rb"^Uptime: \d+  Threads: \d+")

    def test_field_list(self):
        self.connection.ask(raw.INIT_DB, b"tpch.tiny")
        self.connection.command(raw.FIELD_LIST, b"region\0")
        columns = []
        while (payload := self.connection.answer())[0] != 0xFE:
            columns.append(payload)
        self.assertEqual(len(columns), 3)
        for name, column in zip((b"r_regionkey", b"r_name", b"r_comment"), columns, strict=True):
            self.assertIn(name, column)

    def test_field_list_of_a_pattern(self):
        self.connection.ask(raw.INIT_DB, b"tpch.tiny")
        self.connection.command(raw.FIELD_LIST, b"region\0R\\_n%")
        self.assertIn(b"r_name", self.connection.answer())
        self.assertEqual(self.connection.answer()[0], 0xFE)

    def test_init_db(self):
        self.assert_error(1049, self.connection.ask, raw.INIT_DB, b"nowhere")
        self.connection.ask(raw.INIT_DB, b"tpch.tiny")
        self.assertEqual(self.value("SELECT DATABASE()"), b"tpch.tiny")

    def test_several_statements(self):
        two = "SELECT 1; SELECT 2"
        self.assert_error(1064, self.connection.query, two)
        self.connection.ask(raw.SET_OPTION, struct.pack("<H", 0))  # MYSQL_OPTION_MULTI_STATEMENTS_ON
        first = self.connection.query(two)
        self.assertEqual((first.rows, first.status & raw.MORE_RESULTS), ([[b"1"]], raw.MORE_RESULTS))
        second = self.connection.result()
        self.assertEqual((second.rows, second.status & raw.MORE_RESULTS), ([[b"2"]], 0))
        # What fails ends the statements behind it.
        self.connection.query("SELECT 1; SELEKT 2; SELECT 3")
        self.assert_error(1064, self.connection.result)
        self.assertEqual(self.value("SELECT 4"), b"4")
        self.connection.ask(raw.SET_OPTION, struct.pack("<H", 1))
        self.assert_error(1064, self.connection.query, two)

    def test_kill_of_nobody(self):
        # ER_NO_SUCH_THREAD
        self.assert_error(1094, self.connection.ask, raw.PROCESS_KILL, struct.pack("<I", 0xFFFFFFF0))

    def test_kill_of_another(self):
        with Raw(address()) as other:
            self.connection.ask(raw.PROCESS_KILL, struct.pack("<I", other.id))
            with self.assertRaises((EOFError, ConnectionError, ServerError)):
                other.query("SELECT 1")

    def test_an_unknown_command(self):
        # ER_UNKNOWN_COM_ERROR
        self.assert_error(1047, self.connection.ask, 0x70)
        self.assertEqual(self.value("SELECT 5"), b"5")

    def test_an_unknown_statement(self):
        for command in (raw.EXECUTE, raw.RESET_STATEMENT):
            with self.subTest(command=command):
                self.assert_error(1243, self.connection.ask, command, struct.pack("<IBI", 77, 0, 1))


class LongPackets(unittest.TestCase):
    def setUp(self):
        self.connection = self.enterContext(Raw(address()))

    def test_statements_at_the_edge_of_a_packet(self):
        head, tail = "SELECT length('", "')"
        for payload in (PACKET_MAX - 1, PACKET_MAX, PACKET_MAX + 1, 2 * PACKET_MAX, 2 * PACKET_MAX + 1):
            with self.subTest(payload=payload):
                text = payload - 1 - len(head) - len(tail)
                self.assertEqual(self.connection.query(head + "x" * text + tail).rows, [[b"%d" % text]])

    def test_rows_at_the_edge_of_a_packet(self):
        for payload, prefix in ((PACKET_MAX - 1, 4), (PACKET_MAX, 4), (PACKET_MAX + 1, 4), (2 * PACKET_MAX, 9), (40_000_000, 9)):
            with self.subTest(payload=payload):
                length = payload - prefix
                (row,) = self.connection.query(f"SELECT repeat('y', {length})").rows
                self.assertEqual(row, [b"y" * length])
                self.assertEqual(self.connection.query("SELECT 6").rows, [[b"6"]])

    def test_a_statement_that_is_too_long(self):
        limit = int(self.connection.query("SELECT @@max_allowed_packet").rows[0][0])
        # ER_NET_PACKET_TOO_LARGE; the connection ends, also while we still send.
        try:
            self.connection.query("SELECT '" + "z" * limit + "'")
        except ServerError as error:
            self.assertEqual(error.number, 1153)
        except ConnectionError:
            pass
        else:
            self.fail("the statement was taken")
        with Raw(address()) as another:
            self.assertEqual(another.query("SELECT 8").rows, [[b"8"]])

    def test_long_data(self):
        statement, columns, parameters = self.connection.prepare("SELECT length(?)")
        self.assertEqual((columns, parameters), (1, 1))
        for chunk in (b"a" * 9_000_000, b"b" * 9_000_000, b""):  # no answer to any
            self.connection.command(raw.LONG_DATA, struct.pack("<IH", statement, 0) + chunk)
        head = struct.pack("<IBI", statement, 0, 1)
        self.connection.command(raw.EXECUTE, head + b"\0" + b"\1" + bytes([BLOB, 0]))
        self.assertEqual(self.connection.answer(), b"\1")
        for _ in range(columns + 1):
            self.connection.answer()
        row = self.connection.answer()
        self.assertEqual(row[:2], b"\0\0")
        self.assertEqual(int.from_bytes(row[2:], "little"), 18_000_000)
        self.assertEqual(self.connection.answer()[0], 0xFE)


class Compression(unittest.TestCase):
    TEXT = "a text that is easily made shorter. " * 30_000

    def check(self, capability, tls=False):
        with Raw(address(), capabilities=capability, tls=tls) as connection:
            self.assertTrue(connection.server_capabilities & capability)
            before = connection.received_bytes
            self.assertEqual(connection.query(f"SELECT '{self.TEXT}'").rows, [[self.TEXT.encode()]])
            self.assertLess(connection.received_bytes - before, len(self.TEXT) // 10)
            # Longer than one packet, compressed or not; and short ones, which are sent as they are.
            self.assertEqual(connection.query("SELECT repeat('x', 20000000)").rows, [[b"x" * 20_000_000]])
            for number in range(20):
                self.assertEqual(connection.query(f"SELECT {number}").rows, [[b"%d" % number]])

    def test_zlib(self):
        self.check(raw.COMPRESS)

    def test_zstd(self):
        self.check(raw.ZSTD)

    def test_zlib_over_tls(self):
        self.check(raw.COMPRESS, tls=True)

    def test_zstd_over_tls(self):
        self.check(raw.ZSTD, tls=True)

    def test_a_packet_that_is_no_compressed_data(self):
        with Raw(address(), capabilities=raw.COMPRESS) as connection:
            connection.socket.sendall(b"\x05\0\0\0\x64\0\0" + b"wrong")
            with self.assertRaises((EOFError, ConnectionError, ServerError)):
                connection.answer()
                connection.answer()


if __name__ == "__main__":
    counted.main()
