"""What the Flight SQL door gives to those who misbehave: strangers, calls that are never sent to their end, tokens that come
by another way than they went. Nothing of it may last, and nobody else may suffer."""

import os
import re
import tempfile
import threading
import time
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight

import counted
import metrics
import server
from flight_client import URL, Client, encrypted, field, query
from raw_http2 import Connection, message
from server import PASSWORDS, processes

SERVICE = "/arrow.flight.protocol.FlightService"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
# A client somewhere else, as a balancer tells of it.
ELSEWHERE = b"PROXY TCP4 203.0.113.5 127.0.0.1 4711 50051\r\n"
MESSAGE_BYTES_MAX = 65536
PATIENCE_S = 60
REFUSED = (pa.lib.ArrowException, flight.FlightError)


class Bounds(unittest.TestCase):
    settings = {
        "coordinator.flight_sql.handshake_timeout_ms": 2000,
        "coordinator.flight_sql.body_timeout_s": 2,
        "coordinator.flight_sql.message_max_bytes": MESSAGE_BYTES_MAX,
        "coordinator.mysql.proxy_networks": "127.0.0.1/32",
    }

    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        server.add_users(folder)
        cluster = self.enterContext(processes.Cluster(server.binary(), folder, settings=self.settings))
        self.process = cluster.processes[0]
        self.address = self.process.addresses["flight_sql"]
        os.environ["MOORING_TEST_FLIGHT_SQL"] = self.address

    def raw(self, header=b""):
        connection = Connection(self.address, header)
        self.addCleanup(connection.close)
        return connection

    def refusals(self, reason):
        line = re.compile(rf'mooring_coordinator_flight_sql_refusals_total\{{reason="{reason}"\}} (\d+)')
        found = [match for match in map(line.match, metrics.page(self.process.addresses["http"])) if match]
        return int(found[0][1]) if found else 0

    def token(self, client):
        return client.header[1].decode()


class Strangers(Bounds):
    def test_who_asks_for_health_only_has_to_go(self):
        stranger = self.raw()
        stranger.await_end(stranger.call("/grpc.health.v1.Health/Check", message()))
        stranger.await_close()
        self.assertEqual(self.refusals("timed_out"), 1)

    def test_who_never_ends_its_question_has_to_go(self):
        stranger = self.raw()
        stranger.call("/grpc.health.v1.Health/Watch", message())
        stranger.call(REFLECTION, end=False)
        stranger.await_close()

    def test_what_needs_no_login_takes_little(self):
        stranger = self.raw()
        stranger.await_end(stranger.call(REFLECTION, b"\0" + (1 << 20).to_bytes(4, "big") + bytes(40000), end=False))

    def test_few_questions_are_open_at_one_time(self):
        stranger = self.raw()
        for _ in range(20):
            stranger.call(REFLECTION, end=False)
        # Which of them are refused is not told.
        while len(stranger.ended) < 12:
            stranger.frame()

    def test_open_questions_do_not_hold_the_server_up(self):
        client, watcher = Client(), self.raw()
        authorization = self.token(client)
        # A connection that has a login stays.
        watcher.await_end(watcher.call(f"{SERVICE}/ListActions", message(), authorization=authorization))
        watcher.await_answer(watcher.call("/grpc.health.v1.Health/Watch", message()))
        watcher.await_answer(watcher.call(REFLECTION, end=False))
        client.close()
        # As clients do, it answers what the server asks while it stops.
        reader = threading.Thread(target=watcher.await_close)
        reader.start()
        self.assertEqual(self.process.stop(), 0, "it did not end by itself")
        reader.join()


class HalfOpen(Bounds):
    def test_a_call_that_is_never_sent_to_its_end_ends(self):
        client, raw = Client(), self.raw()
        authorization = self.token(client)
        part = b"\0" + (1000).to_bytes(4, "big") + b"x"
        for name in ("GetFlightInfo", "DoGet", "DoAction", "DoPut", "PollFlightInfo", "GetSchema"):
            with self.subTest(name):
                raw.await_end(raw.call(f"{SERVICE}/{name}", part, end=False, authorization=authorization))
        # Its connection and its session go on.
        raw.await_end(raw.call(f"{SERVICE}/ListActions", message(), authorization=authorization))
        self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])

    def test_one_that_stops_between_messages_ends(self):
        client, raw = Client(), self.raw()
        handle = client.prepare("SELECT ?")[1]
        command = field(1, URL + "CommandPreparedStatementQuery") + field(2, field(1, handle))
        # FlightData's descriptor, of the type CMD (2).
        first = field(1, b"\x08\x02" + field(2, command))
        raw.await_end(raw.call(f"{SERVICE}/DoPut", message(first), end=False, authorization=self.token(client)))


class Shares(Bounds):
    settings = Bounds.settings | {
        "coordinator.flight_sql.body_timeout_s": 600,
        "coordinator.flight_sql.prepared_statements_max": 8,
    }

    def test_a_user_sends_so_much_at_once_and_others_still_send(self):
        client, raw = Client("alice", PASSWORDS["alice"]), self.raw()
        part = b"\0" + (60000).to_bytes(4, "big") + bytes(50000)
        streams = [
            raw.call(f"{SERVICE}/GetFlightInfo", part, end=False, authorization=self.token(client)) for _ in range(3)
        ]
        # Two messages are a user's share; which of the three is beyond it is not told.
        while not raw.ended & set(streams):
            raw.frame()
        long = "SELECT '" + "x" * 40000 + "' AS x"
        self.assertEqual(len(Client().rows(long)[0]["x"]), 40000)
        self.until(lambda: self.assertRaises(REFUSED, client.rows, long), self.failureException)
        raw.close()
        self.until(lambda: client.rows(long), REFUSED)

    def test_an_end_of_the_session_ends_its_calls(self):
        client, raw = Client(), self.raw()
        stream = raw.call(f"{SERVICE}/DoPut", end=False, authorization=self.token(client))
        client.act("CloseSession")
        raw.await_end(stream)

    def test_a_user_holds_so_many_statements_and_others_still_hold(self):
        client = Client("alice", PASSWORDS["alice"])
        client.prepare("SELECT 1")
        client.prepare("SELECT 2")
        with self.assertRaisesRegex(REFUSED, "of one user"):
            client.prepare("SELECT 3")
        self.assertIn(1, Client().prepare("SELECT 4"))

    def until(self, work, passing):
        """Until it does not end with an error that passes."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return work()
            except passing:
                if time.monotonic() > end:
                    raise


class OtherWays(Bounds):
    def test_a_token_of_tls_is_not_taken_in_the_clear_elsewhere(self):
        client = Client(location=encrypted())
        raw = self.raw(ELSEWHERE)
        raw.await_end(raw.call(f"{SERVICE}/ListActions", message(), authorization=self.token(client)))
        self.assertEqual(self.refusals("token"), 1)
        self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])


class OtherPlaces(Bounds):
    settings = Bounds.settings | {"coordinator.flight_sql.clear_passwords": "true"}

    def test_a_call_from_where_the_account_is_not_ends_no_session(self):
        Client().rows("CREATE USER near@localhost")
        client = Client("near")
        raw = self.raw(ELSEWHERE)
        raw.await_end(raw.call(f"{SERVICE}/ListActions", message(), authorization=self.token(client)))
        self.assertEqual(self.refusals("token"), 1)
        self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])


class Views(Bounds):
    settings = Bounds.settings | {"coordinator.flight_sql.message_max_bytes": 1 << 26}

    def sent(self, client, sql):
        before = self.bytes_sent()
        rows = client.table(query(sql))
        return rows, self.bytes_sent() - before

    def bytes_sent(self):
        [line] = [line for line in metrics.page(self.process.addresses["http"])
                  if line.startswith("mooring_coordinator_flight_sql_bytes_sent_total ")]
        return int(line.split()[1])

    def test_views_are_sent_once(self):
        client = Client()
        sql = "SELECT concat(l_comment, repeat('x', 2000)) AS c FROM tpch.tiny.lineitem WHERE l_orderkey < 20000"
        plain, plain_bytes = self.sent(client, sql)
        client.set_option("view_types", "true")
        views, view_bytes = self.sent(client, sql)
        # In whatever order they come.
        self.assertEqual(sorted(plain["c"].to_pylist()), sorted(views["c"].to_pylist()))
        self.assertLess(view_bytes, 2 * plain_bytes)


if __name__ == "__main__":
    counted.main()
