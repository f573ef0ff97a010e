"""What runs for a client of Flight SQL ends on the workers, whichever way the client ends it. A query is seen in
`system.runtime.tasks`."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.flight as flight

import counted
from flight_client import Client, command, encrypted, field, fields, plain, query
from on_workers import LONG, WORKERS, OnWorkers
from server import processes

# A client that is in the middle of a call until it is killed.
READER = f"""
from flight_client import Client, query
client = Client()
client.rows("SET distributed_bytes_per_partition = 1")
client.rows({LONG!r})
"""


class Orphans(OnWorkers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["MOORING_TEST_FLIGHT_SQL"] = cls.cluster.processes[0].addresses["flight_sql"]

    def last_state(self):
        statement = LONG.replace("'", "''")
        [(state, code)] = self.seen(
            f"SELECT state, error_code FROM system.runtime.queries WHERE statement = '{statement}' ORDER BY query_id DESC LIMIT 1"
        )
        return state, code

    def start(self, location=None, first=()):
        """A client and the FlightInfo of its query, which runs on every worker."""
        client = Client(location=location)
        self.addCleanup(client.close)
        for sql in ("SET distributed_bytes_per_partition = 1", *first):
            client.rows(sql)
        info = client.info(query(LONG))
        self.await_workers(WORKERS)
        return client, info

    def read_until(self, client, info, end, **options):
        """Reads the result, does `end` with the reader meanwhile; how the reading ended."""
        if options:
            [name, value] = client.header
            options = flight.FlightCallOptions(headers=[(name, value)], **options)
        reader = client.flight.do_get(info.endpoints[0].ticket, options or client.options)
        threading.Timer(0.2, end, [reader]).start()
        with self.assertRaises((pa.lib.ArrowException, flight.FlightError)) as raised:
            while True:
                # By itself: `read_all` takes a cancelled call for Ctrl-C.
                reader.read_chunk()
        return raised.exception

    def test_an_info_comes_before_the_first_row(self):
        client, info = self.start()
        self.assertEqual((info.schema.names, info.schema.types), (["runs_long"], [pa.int64()]))
        client.act("CancelFlightInfo", field(1, info.serialize()))
        self.await_workers(0)

    def test_cancel_flight_info(self):
        for location in (plain(), encrypted()):
            with self.subTest(location):
                client, info = self.start(location)
                [answer] = client.act("CancelFlightInfo", field(1, info.serialize()))
                self.assertEqual(fields(answer), {1: 1})
                self.await_workers(0)
                self.assertEqual(self.last_state()[0], "cancelled")
                with self.assertRaises(pa.lib.ArrowInvalid):
                    client.flight.do_get(info.endpoints[0].ticket, client.options).read_all()

    def test_cancel_while_another_reads(self):
        client, info = self.start()
        raised = self.read_until(client, info, lambda _: client.act("CancelFlightInfo", field(1, info.serialize())))
        self.assertIsInstance(raised, flight.FlightCancelledError)
        self.await_workers(0)
        self.assertEqual(client.rows("SELECT 7 AS seven"), [{"seven": 7}])

    def test_a_stream_that_is_dropped(self):
        for location in (plain(), encrypted()):
            with self.subTest(location):
                client, info = self.start(location)
                self.read_until(client, info, lambda reader: reader.cancel())
                self.await_workers(0)
                self.assertEqual(self.last_state()[0], "cancelled")

    def test_a_clients_deadline(self):
        client, info = self.start()
        raised = self.read_until(client, info, lambda _: None, timeout=1)
        self.assertIsInstance(raised, flight.FlightTimedOutError)
        self.await_workers(0)

    def test_max_execution_time(self):
        client, info = self.start(first=["SET max_execution_time = 3000"])
        raised = self.read_until(client, info, lambda _: None)
        self.assertIsInstance(raised, flight.FlightTimedOutError)
        self.await_workers(0)
        self.assertEqual(self.last_state(), ("failed", "TIMED_OUT"))

    def test_kill_query(self):
        client, info = self.start()
        [listed] = [row for row in self.seen("SHOW FULL PROCESSLIST") if row[7] == LONG]
        raised = self.read_until(client, info, lambda _: self.seen(f"KILL QUERY {listed[0]}"))
        self.assertIsInstance(raised, flight.FlightCancelledError)
        self.await_workers(0)
        self.assertEqual(client.rows("SELECT 7 AS seven"), [{"seven": 7}])

    def test_kill_query_ends_all_results_of_a_session(self):
        client, info = self.start()
        other = client.info(query("SELECT l_comment AS runs_long FROM tpch.sf10.lineitem"))
        [listed] = [row for row in self.seen("SHOW FULL PROCESSLIST") if "runs_long" in str(row[7])]
        self.seen(f"KILL QUERY {listed[0]}")
        self.await_workers(0)
        for one in (info, other):
            with self.assertRaises((pa.lib.ArrowException, flight.FlightError)):
                reader = client.flight.do_get(one.endpoints[0].ticket, client.options)
                while True:
                    reader.read_chunk()

    def test_questions_are_answered_beside_a_statement(self):
        client, info = self.start()
        self.assertIn("tpch", client.table(command("CommandGetCatalogs"))["catalog_name"].to_pylist())
        self.assertEqual(client.table(command("CommandGetTables", field(1, "tpch"), field(2, "tiny"))).num_rows, 8)
        self.assertEqual(client.rows("SELECT 7 AS seven"), [{"seven": 7}])
        client.act("CancelFlightInfo", field(1, info.serialize()))
        self.await_workers(0)

    def test_kill(self):
        client, info = self.start()
        [listed] = [row for row in self.seen("SHOW FULL PROCESSLIST") if row[7] == LONG]
        raised = self.read_until(client, info, lambda _: self.seen(f"KILL {listed[0]}"))
        # Of its query or of its session: both end.
        self.assertIsInstance(raised, (flight.FlightCancelledError, flight.FlightUnauthenticatedError))
        self.await_workers(0)
        with self.assertRaises(flight.FlightUnauthenticatedError):
            client.rows("SELECT 7")

    def test_a_session_that_is_closed(self):
        client, _ = self.start()
        client.act("CloseSession")
        self.await_workers(0)

    def test_a_client_that_is_killed(self):
        child = subprocess.Popen([sys.executable, "-c", READER], cwd=Path(__file__).parent)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.await_workers(WORKERS)
        child.send_signal(signal.SIGKILL)
        self.await_workers(0)

    def test_adbc_cancel(self):
        with flight_sql.connect(plain(), db_kwargs={"username": "root", "password": ""}, autocommit=True) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SET distributed_bytes_per_partition = 1")

                def cancel():
                    self.await_workers(WORKERS)
                    cursor.adbc_cancel()

                canceller = threading.Thread(target=cancel)
                canceller.start()
                with self.assertRaises(flight_sql.Error):
                    cursor.execute(LONG)
                    cursor.fetchall()
                canceller.join()
                self.await_workers(0)
                cursor.execute("SELECT 7")
                self.assertEqual(cursor.fetchall(), [(7,)])


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
