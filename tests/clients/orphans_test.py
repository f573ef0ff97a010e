"""What runs for a client ends with the client: on the workers, not only in the reply.

A query is seen in `system.runtime.tasks`. How fast it ends, `benches/wire/run` says; here it is
awaited.
"""

import socket
import ssl
import struct

import counted
import raw_client as raw
from on_workers import LONG, WORKERS, OnWorkers
from raw_client import Raw, ServerError
from server import processes


class Orphans(OnWorkers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.where = (cls.cluster.host, cls.cluster.port)

    def start(self, tls=False, first=()) -> Raw:
        """A connection whose query runs on every worker."""
        connection = Raw(self.where, tls=tls)
        self.addCleanup(connection.close)
        for sql in ("SET distributed_bytes_per_partition = 1", *first):
            connection.query(sql)
        connection.command(raw.QUERY, LONG.encode())
        self.await_workers(WORKERS)
        return connection

    def await_workers(self, wanted: int) -> None:
        super().await_workers(wanted)
        listed = [row for row in self.seen("SHOW FULL PROCESSLIST") if "runs_long" in str(row[7])]
        self.assertEqual(bool(listed), bool(wanted), listed)

    def assert_interrupted(self, connection, number):
        with self.assertRaises(ServerError) as caught:
            connection.result()
        self.assertEqual(caught.exception.number, number)

    def test_a_client_that_closes(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                connection = self.start(tls)
                # With TLS: without the alert that says goodbye.
                socket.socket(fileno=connection.socket.detach()).close()
                self.await_workers(0)

    def test_a_client_that_says_goodbye_in_tls(self):
        connection = self.start(tls=True)
        # Sends close_notify, and does not wait for the server's.
        connection.socket.settimeout(0)
        try:
            connection.socket.unwrap()
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        connection.close()
        self.await_workers(0)

    def test_a_client_that_is_reset(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                connection = self.start(tls)
                plain = socket.socket(fileno=connection.socket.detach())
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                plain.close()
                self.await_workers(0)

    def test_a_client_that_pipelined_and_closed(self):
        connection = self.start()
        connection.socket.sendall(raw.packet(raw.QUERY, b"SELECT 1") * 10)
        connection.close()
        self.await_workers(0)

    def test_kill_query(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                connection = self.start(tls)
                self.seen(f"KILL QUERY {connection.id}")
                self.assert_interrupted(connection, 1317)
                self.await_workers(0)
                self.assertEqual(connection.query("SELECT 7").rows, [[b"7"]])

    def test_kill(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                connection = self.start(tls)
                self.seen(f"KILL {connection.id}")
                self.await_workers(0)
                with self.assertRaises((ServerError, EOFError, ConnectionError)):
                    connection.result()
                with self.assertRaises((ServerError, EOFError, ConnectionError)):
                    connection.query("SELECT 7")

    def test_the_command_that_kills(self):
        connection = self.start()
        with Raw(self.where) as killer:
            killer.ask(raw.PROCESS_KILL, struct.pack("<I", connection.id))
        self.await_workers(0)

    def test_max_execution_time_of_explain_analyze(self):
        with Raw(self.where) as connection:
            connection.query("SET max_execution_time = 500")
            with self.assertRaises(ServerError) as caught:
                connection.query("EXPLAIN ANALYZE " + LONG)
            self.assertEqual(caught.exception.number, 3024)
        self.await_workers(0)

    def test_max_execution_time(self):
        # Long enough to be seen running.
        connection = self.start(first=["SET max_execution_time = 3000"])
        self.assert_interrupted(connection, 3024)
        self.await_workers(0)
        self.assertEqual(connection.query("SELECT 7").rows, [[b"7"]])

    def test_a_prepared_statement(self):
        connection = Raw(self.where)
        self.addCleanup(connection.close)
        connection.query("SET distributed_bytes_per_partition = 1")
        statement, _, _ = connection.prepare(LONG)
        connection.command(raw.EXECUTE, struct.pack("<IBI", statement, 0, 1))
        self.await_workers(WORKERS)
        connection.close()
        self.await_workers(0)


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
