"""Ten million rows for a slow reader: the coordinator holds back the query, not the rows in memory."""

import fcntl
import socket
import struct
import tempfile
import termios
import time
import unittest
from pathlib import Path

import counted
import raw_client as raw
from raw_client import Raw
from server import binary, processes

ROWS = 10_000_000
# Issue 3, "It is done when".
GROWTH_BYTES_MAX = 64 << 20
# Bytes that are read between two looks at the coordinator's memory.
READ_BYTES = 1 << 20
STALL_TIMEOUT_S = 60
POLL_S = 0.05
STALLED_POLLS = 20
COLUMNS = 16
SQL = f"SELECT * FROM tpch.sf10.lineitem LIMIT {ROWS}"


class SlowReader(unittest.TestCase):
    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        processes.run(binary(), ["user", "add", "root", "--no-password", "--admin"], processes.state_settings(folder))
        cluster = self.enterContext(processes.Cluster(binary(), folder, 2))
        self.where = (cluster.host, cluster.port)
        self.process_id = cluster.processes[0].child.pid

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.process_id}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise LookupError("VmRSS")

    def test_memory_of_the_coordinator(self):
        self.read_slowly(SQL.replace(str(ROWS), "200000"), 200_000)  # what the first query loads, stays
        before = self.resident_bytes()
        peak = self.read_slowly(SQL, ROWS)
        self.assertLess(peak - before, GROWTH_BYTES_MAX, f"from {before >> 20} MiB to {peak >> 20} MiB")

    def read_slowly(self, sql: str, rows: int) -> int:
        """The most memory that the coordinator had. The reader waits until nothing moves any more,
        then reads on, one step after the other, slower than rows are made."""
        with Raw(self.where) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            connection.command(raw.QUERY, sql.encode())
            peak = self.await_stall(connection.socket)
            counted_rows, done = 0, False
            reader = Packets(connection.socket)
            for _ in range(1 + COLUMNS + 1):  # how many columns, their definitions, EOF
                reader.next()
            looked = reader.bytes_read
            while not done:
                first, length = reader.next()
                done = first == 0xFE and length < 9
                counted_rows += not done
                self.assertNotEqual(first, 0xFF, "an error instead of a row")
                if reader.bytes_read - looked >= READ_BYTES:
                    looked = reader.bytes_read
                    peak = max(peak, self.resident_bytes())
            self.assertEqual(counted_rows, rows)
            return peak

    def await_stall(self, stream: socket.socket) -> int:
        """Until what waits for us has not changed for a while, nor the coordinator's memory grown."""
        deadline = time.monotonic() + STALL_TIMEOUT_S
        seen, same, peak = None, 0, 0
        while same < STALLED_POLLS and time.monotonic() < deadline:
            waiting = struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, b"\0" * 4))[0]
            memory = self.resident_bytes()
            now = (waiting, memory > peak)
            peak = max(peak, memory)
            same = same + 1 if now == seen and waiting else 0
            seen = now
            time.sleep(POLL_S)
        return peak


class Packets:
    """The packets of a stream, without their contents."""

    def __init__(self, stream: socket.socket):
        self.stream = stream
        self.buffer = memoryview(bytearray())
        self.bytes_read = 0

    def next(self) -> tuple[int, int]:
        """The first byte of the payload, and its length."""
        header = self.take(4)
        length = int.from_bytes(header[:3], "little")
        return self.take(length)[0], length

    def take(self, count: int) -> memoryview:
        while len(self.buffer) < count:
            part = self.stream.recv(1 << 18)
            if not part:
                raise EOFError("the server has closed the connection")
            self.bytes_read += len(part)
            self.buffer = memoryview(bytes(self.buffer) + part)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
