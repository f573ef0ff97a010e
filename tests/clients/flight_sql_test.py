"""The Flight SQL door by pyarrow's Flight client: what it lets in, what a result is like, what a ticket is good for.
Needs no more than pyarrow."""

import base64
import os
import socket
import struct
import unittest

import pyarrow as pa
import pyarrow.flight as flight

import counted
from flight_client import Client, command, encrypted, field, fields, packed, plain, query
from server import PASSWORDS


class Logins(unittest.TestCase):
    def test_passwords_in_tls_and_on_the_same_machine(self):
        for location in (plain(), encrypted()):
            for user in ("alice", "carol", "nora"):
                with self.subTest(location=location, user=user):
                    client = Client(user, PASSWORDS[user], location)
                    self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])

    def test_wrong_ones_are_refused(self):
        for user, password in (("bob", "wrong"), ("nobody", ""), ("nobody", "x")):
            with self.subTest(user), self.assertRaises(flight.FlightUnauthenticatedError) as raised:
                Client(user, password)
            self.assertIn("access denied", str(raised.exception))

    def test_a_call_without_a_token_is_refused(self):
        with self.assertRaises(flight.FlightUnauthenticatedError):
            flight.FlightClient(plain()).get_flight_info(query("SELECT 1"))

    def test_a_token_that_is_none_is_refused(self):
        for value in (b"Bearer x", b"Basic " + base64.b64encode(b"root:"), b"x"):
            options = flight.FlightCallOptions(headers=[(b"authorization", value)])
            with self.subTest(value), self.assertRaises(flight.FlightUnauthenticatedError):
                flight.FlightClient(plain()).get_flight_info(query("SELECT 1"), options)

    def test_dropping_a_user_ends_its_tokens(self):
        root = Client()
        root.rows("CREATE USER flighty IDENTIFIED BY 'x'")
        client = Client("flighty", "x")
        client.rows("SELECT 1")
        root.rows("DROP USER flighty")
        with self.assertRaises(flight.FlightUnauthenticatedError):
            client.rows("SELECT 1")

    def test_a_closed_session_ends_its_token(self):
        client = Client()
        client.act("CloseSession")
        with self.assertRaises(flight.FlightUnauthenticatedError):
            client.rows("SELECT 1")


class Results(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)

    def test_many_rows(self):
        table = self.client.table(query("SELECT l_orderkey, l_comment, l_shipdate FROM tpch.tiny.lineitem"))
        self.assertEqual(table.num_rows, 60175)
        self.assertEqual(table.schema.types, [pa.int64(), pa.string(), pa.date32()])

    def test_the_schema_is_known_before_the_rows(self):
        info = self.client.info(query("SELECT 1 AS a, 'x' AS b WHERE 1 = 0"))
        self.assertEqual(info.schema.names, ["a", "b"])
        table = self.client.flight.do_get(info.endpoints[0].ticket, self.client.options).read_all()
        self.assertEqual((table.num_rows, table.schema.names), (0, ["a", "b"]))
        schema = self.client.flight.get_schema(query("SELECT 1 AS a, 'x' AS b"), self.client.options)
        self.assertEqual(schema.schema.names, ["a", "b"])

    def test_compressed_results_are_the_same(self):
        sql = "SELECT l_comment FROM tpch.tiny.lineitem ORDER BY l_orderkey, l_linenumber LIMIT 1000"
        plain = self.client.rows(sql)
        for compression in ("lz4", "zstd", "none"):
            with self.subTest(compression):
                self.assertEqual(self.client.set_option("compression", compression), b"")
                self.assertEqual(self.client.rows(sql), plain)

    def test_an_error_has_its_code(self):
        for sql, expected in (
            ("SELECT * FROM tpch.tiny.nothing", pa.lib.ArrowKeyError),
            ("SELEC 1", pa.lib.ArrowInvalid),
            ("INSERT INTO tpch.tiny.region VALUES (1)", NotImplementedError),
        ):
            with self.subTest(sql), self.assertRaises(expected):
                self.client.rows(sql)

    def test_statements_without_rows(self):
        self.assertEqual(self.client.rows("SET time_zone = '+02:00'"), [])
        self.assertEqual(self.client.rows("SELECT @@time_zone AS z"), [{"z": "+02:00"}])

    def test_an_abandoned_result_does_not_disturb_the_next(self):
        info = self.client.info(query("SELECT * FROM tpch.sf1.lineitem"))
        reader = self.client.flight.do_get(info.endpoints[0].ticket, self.client.options)
        reader.read_chunk()
        reader.cancel()
        self.assertEqual(self.client.rows("SELECT 7 AS seven"), [{"seven": 7}])


class Tickets(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)

    def fetch(self, ticket, client=None):
        client = client or self.client
        return client.flight.do_get(flight.Ticket(ticket), client.options).read_all()

    def ticket(self, sql="SELECT 1"):
        return self.client.info(query(sql)).endpoints[0].ticket.ticket

    def test_one_is_good_once(self):
        ticket = self.ticket()
        self.fetch(ticket)
        with self.assertRaisesRegex(pa.lib.ArrowInvalid, "run the statement again"):
            self.fetch(ticket)

    def test_one_of_another_user_is_refused(self):
        alice = Client("alice", PASSWORDS["alice"])
        with self.assertRaises(flight.FlightUnauthorizedError):
            self.fetch(self.ticket(), alice)

    def test_the_same_user_may_fetch_by_another_session(self):
        self.assertEqual(self.fetch(self.ticket(), Client()).num_rows, 1)

    def test_changed_ones_are_refused(self):
        ticket = self.ticket()
        for changed in (b"", b"x", ticket[:-1], ticket[:-1] + bytes([ticket[-1] ^ 1]), ticket + b"x"):
            with self.subTest(len(changed)), self.assertRaises(pa.lib.ArrowInvalid):
                self.fetch(changed)

    def test_a_cancelled_one_is_refused(self):
        info = self.client.info(query("SELECT * FROM tpch.sf1.lineitem"))
        [answer] = self.client.act("CancelFlightInfo", field(1, info.serialize()))
        self.assertEqual(fields(answer), {1: 1})
        with self.assertRaises(pa.lib.ArrowInvalid):
            self.fetch(info.endpoints[0].ticket.ticket)


class PreparedStatements(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)

    def test_each_row_of_values_is_a_run(self):
        prepared = self.client.prepare("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?")
        handle = prepared[1]
        self.client.bind(handle, pa.table({"key": pa.array([0, 4], pa.int64())}))
        rows = self.client.table(command("CommandPreparedStatementQuery", field(1, handle))).to_pylist()
        # The names of TPC-H's specification, section 4.2.3.
        self.assertEqual([row["r_name"] for row in rows], ["AFRICA", "MIDDLE EAST"])

    def test_schemas_are_told(self):
        prepared = self.client.prepare("SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?")
        self.assertEqual(pa.ipc.read_schema(pa.py_buffer(prepared[2])).names, ["r_name"])
        self.assertEqual(pa.ipc.read_schema(pa.py_buffer(prepared[3])).types, [pa.int64()])
        listing = self.client.prepare("SHOW DATABASES")
        self.assertEqual(len(pa.ipc.read_schema(pa.py_buffer(listing[2])).names), 1)

    def test_values_are_not_read_as_sql(self):
        handle = self.client.prepare("SELECT ? AS v")[1]
        self.client.bind(handle, pa.table({"v": ["'; DROP TABLE t; --"]}))
        rows = self.client.table(command("CommandPreparedStatementQuery", field(1, handle))).to_pylist()
        self.assertEqual(rows, [{"v": "'; DROP TABLE t; --"}])

    def test_without_values_it_is_refused(self):
        handle = self.client.prepare("SELECT ? AS v")[1]
        with self.assertRaises(pa.lib.ArrowInvalid):
            self.client.info(command("CommandPreparedStatementQuery", field(1, handle)))

    def test_a_closed_one_is_refused(self):
        handle = self.client.prepare("SELECT 1")[1]
        self.client.act("ClosePreparedStatement", packed("ActionClosePreparedStatementRequest", field(1, handle)))
        with self.assertRaises(pa.lib.ArrowInvalid):
            self.client.info(command("CommandPreparedStatementQuery", field(1, handle)))


class Metadata(unittest.TestCase):
    def setUp(self):
        self.client = Client()
        self.addCleanup(self.client.close)

    def test_catalogs_schemas_and_tables(self):
        catalogs = self.client.table(command("CommandGetCatalogs"))["catalog_name"].to_pylist()
        self.assertIn("tpch", catalogs)
        schemas = self.client.table(command("CommandGetDbSchemas", field(1, "tpch"), field(2, "ti%")))
        self.assertEqual(schemas.to_pylist(), [{"catalog_name": "tpch", "db_schema_name": "tiny"}])
        parts = field(1, "tpch"), field(2, "tiny"), field(3, "r%"), field(5, True)
        [table] = self.client.table(command("CommandGetTables", *parts)).to_pylist()
        self.assertEqual((table["table_name"], table["table_type"]), ("region", "TABLE"))
        schema = pa.ipc.read_schema(pa.py_buffer(table["table_schema"]))
        self.assertEqual(schema.names, ["r_regionkey", "r_name", "r_comment"])
        self.assertEqual(schema.field(0).metadata[b"ARROW:FLIGHT:SQL:TABLE_NAME"], b"region")

    def test_the_rest_is_typed(self):
        for name, parts, empty in (
            ("CommandGetTableTypes", (), False),
            ("CommandGetPrimaryKeys", (field(3, "t"),), True),
            ("CommandGetExportedKeys", (field(3, "t"),), True),
            ("CommandGetImportedKeys", (field(3, "t"),), True),
            ("CommandGetCrossReference", (field(3, "t"), field(6, "t")), True),
            ("CommandGetXdbcTypeInfo", (), False),
            ("CommandGetSqlInfo", (), False),
        ):
            with self.subTest(name):
                info = self.client.info(command(name, *parts))
                ticket = info.endpoints[0].ticket
                table = self.client.flight.do_get(ticket, self.client.options).read_all()
                self.assertEqual(table.schema, info.schema)
                self.assertEqual(table.num_rows == 0, empty)


class Options(unittest.TestCase):
    def test_a_catalog_and_a_schema_are_chosen(self):
        client = Client()
        self.assertEqual(client.set_option("catalog", "tpch"), b"")
        self.assertEqual(client.set_option("schema", "tiny"), b"")
        self.assertEqual(client.rows("SELECT count(*) AS n FROM region"), [{"n": 5}])
        self.assertNotEqual(client.set_option("no_such_option", "1"), b"")
        self.assertNotEqual(client.set_option("catalog", "no_such_catalog"), b"")


class HalfOpen(unittest.TestCase):
    def test_what_is_no_http2_does_no_harm(self):
        host, port = os.environ["MOORING_TEST_FLIGHT_SQL"].rsplit(":", 1)
        for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff", struct.pack("!I", 0) * 9):
            with self.subTest(sent), socket.create_connection((host, int(port)), timeout=30) as stranger:
                stranger.sendall(sent)
        self.assertEqual(Client().rows("SELECT 1 AS one"), [{"one": 1}])


if __name__ == "__main__":
    counted.main()
