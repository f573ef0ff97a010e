"""The PROXY protocol: a load balancer's header first, late, not at all, and from where it is not believed.

Source: "The PROXY protocol, Versions 1 & 2" (HAProxy), sections 2.1 and 2.2.
"""

import socket
import struct
import tempfile
import unittest
from pathlib import Path

import counted
from raw_client import Raw, ServerError
from server import PASSWORDS, add_users, binary, processes

V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 56789 3306\r\n"
V1_6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 56789 3306\r\n"
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21


def v2(command: int, family: int, addresses: bytes) -> bytes:
    return V2_SIGNATURE + struct.pack(">BBH", command, family, len(addresses)) + addresses


V2 = v2(PROXY, 0x11, bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack(">HH", 56789, 3306))
# With a TLV behind the addresses, as AWS sends one.
V2_TLV = v2(PROXY, 0x11, bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack(">HH", 56789, 3306) + b"\xea\0\4\1abc")
V2_LOCAL = v2(LOCAL, 0, b"")
USER, PASSWORD = b"nora", PASSWORDS["nora"].encode()


class Proxied(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        add_users(folder)
        settings = {
            "coordinator.mysql.proxy_networks": "127.0.0.0/8", "coordinator.mysql.handshake_timeout_ms": "3000",
        }
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, 0, settings))
        cls.where = (cluster.host, cluster.port)

    def seen_as(self, **how) -> str:
        """Where the server thinks that this client is."""
        with Raw(self.where, USER, PASSWORD, **how) as connection:
            (row,) = [row for row in connection.query("SHOW PROCESSLIST").rows if int(row[0]) == connection.id]
            return row[2].decode()

    def test_the_header_first(self):
        for header in (V1, V2, V2_TLV):
            with self.subTest(header=header):
                self.assertIn("192.0.2.7", self.seen_as(before=header))
        self.assertIn("2001:db8::7", self.seen_as(before=V1_6))

    def test_the_header_with_the_first_packet_of_the_client(self):
        for header in (V1, V2, V2_TLV):
            with self.subTest(header=header):
                self.assertIn("192.0.2.7", self.seen_as(header_late=header))

    def test_no_header(self):
        self.assertIn("127.0.0.1", self.seen_as())

    def test_headers_without_an_address(self):
        for header in (b"PROXY UNKNOWN\r\n", V2_LOCAL):
            with self.subTest(header=header):
                self.assertIn("127.0.0.1", self.seen_as(before=header))

    def test_over_tls(self):
        for how in ({"before": V2}, {"header_late": V1}, {"header_late": V2}):
            with self.subTest(how=how):
                self.assertIn("192.0.2.7", self.seen_as(tls=True, **how))

    def test_the_client_that_is_named_is_the_one_that_is_denied(self):
        # root is for clients of this machine, which this one is not.
        with self.assertRaises(ServerError) as caught:
            Raw(self.where, before=V2)
        self.assertEqual(caught.exception.number, 1045)
        self.assertIn("192.0.2.7", caught.exception.text)

    def test_broken_headers_end_the_connection(self):
        broken = (
            b"PROXY TCP4 192.0.2.300 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 " + b"1" * 200 + b"\r\n",
            V2_SIGNATURE + b"\x31\x11\0\x0c" + b"\0" * 12,  # version 3
            V2_SIGNATURE + b"\x21\x11\0\x02" + b"\0" * 2,  # shorter than two addresses
        )
        for header in broken:
            with self.subTest(header=header), self.assertRaises((EOFError, ConnectionError, ServerError)):
                Raw(self.where, USER, PASSWORD, before=header)

    def test_half_a_header(self):
        for header in (V1[:20], V2[:14], V2[:20]):
            with self.subTest(header=header), socket.create_connection(self.where, timeout=60) as stream:
                stream.sendall(header)
                while stream.recv(1000):  # ended by the server's time limit
                    pass
        self.assertIn("127.0.0.1", self.seen_as())

    def test_a_health_check_that_says_nothing(self):
        for _ in range(20):
            socket.create_connection(self.where).close()
        with socket.create_connection(self.where) as stream:
            stream.sendall(V2_LOCAL)
        self.assertIn("127.0.0.1", self.seen_as())


class NotListed(unittest.TestCase):
    def test_the_header_of_a_stranger_is_no_header(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            add_users(folder)
            settings = {"coordinator.mysql.proxy_networks": "10.0.0.0/8"}
            with processes.Cluster(binary(), folder, 0, settings) as cluster:
                where = (cluster.host, cluster.port)
                for header in (V1, V2):
                    with self.subTest(header=header), self.assertRaises((EOFError, ConnectionError, ServerError)):
                        Raw(where, USER, PASSWORD, before=header)
                Raw(where, USER, PASSWORD).close()


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
