"""Calls of gRPC in frames of HTTP/2 that are written here, for what no well-behaved client does: calls that stop in the
middle, bodies that never end. (RFC 9113; headers by RFC 7541, section 6.2.2, without Huffman's code and without the table.)"""

import socket
import struct

PATIENCE_S = 60
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
FRAME_BYTES_MAX = 16384


def message(body=b""):
    """A message of gRPC: not compressed, its length, itself."""
    return struct.pack(">BI", 0, len(body)) + body


class Closed(Exception):
    """The server has closed the connection."""


class Connection:
    def __init__(self, address, header=b""):
        """`header`: what a balancer says before all."""
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
        self.next_stream = 1
        self.ended = set()
        self.answered = set()
        self.received = b""
        self.socket.sendall(header + PREFACE)
        self.send(SETTINGS, 0, 0)
        # The window of the connection is as large as it gets from then on.
        while self.frame()[0] != WINDOW_UPDATE:
            pass

    def send(self, kind, flags, stream, payload=b""):
        self.socket.sendall(struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload)

    def call(self, path, *parts, end=True, **headers):
        """Begins a call, and sends parts of its body; its stream."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        pairs = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "mooring", "te": "trailers",
                 "content-type": "application/grpc"} | headers
        # No table keeps what follows the zero.
        block = b"".join(b"\0" + text(name) + text(value) for name, value in pairs.items())
        self.send(HEADERS, END_HEADERS, stream, block)
        body = b"".join(parts)
        for begin in range(0, len(body), FRAME_BYTES_MAX):
            self.send(DATA, 0, stream, body[begin:begin + FRAME_BYTES_MAX])
        if end:
            self.send(DATA, END_STREAM, stream)
        return stream

    def frame(self):
        """The next frame: its kind, its stream. What has to be answered is."""
        head = self.read(9)
        length, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], int.from_bytes(head[5:], "big")
        payload = self.read(length)
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.send(kind, ACK, 0, payload if kind == PING else b"")
        if kind == HEADERS:
            self.answered.add(stream)
        if kind == RESET or kind in (DATA, HEADERS) and flags & END_STREAM:
            self.ended.add(stream)
        return kind, stream

    def read(self, length):
        while len(self.received) < length:
            try:
                more = self.socket.recv(65536)
            except (ConnectionError, BrokenPipeError) as error:
                raise Closed from error
            if not more:
                raise Closed
            self.received += more
        read, self.received = self.received[:length], self.received[length:]
        return read

    def await_end(self, stream):
        """Until the server has ended a call."""
        while stream not in self.ended:
            self.frame()

    def await_answer(self, stream):
        """Until the server has begun to answer a call."""
        while stream not in self.answered:
            self.frame()

    def await_close(self):
        """Until the server has closed the connection; whatever it says before."""
        try:
            while True:
                self.frame()
        except (Closed, ConnectionError):
            pass

    def close(self):
        self.socket.close()


def text(value):
    """A text with its length, which has seven bits in its first byte (RFC 7541, sections 5.1 and 5.2)."""
    data = value.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, bytes([127])
    while rest > 127:
        length += bytes([rest & 127 | 128])
        rest >>= 7
    return length + bytes([rest]) + data
