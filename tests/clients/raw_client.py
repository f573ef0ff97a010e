"""The MySQL protocol by hand, for what drivers do not do on request: several commands in one
segment, headers before the handshake, packets at the edge of their length, compression seen from
the wire.

Source: MySQL Source Code Documentation, "Client/Server Protocol", page by page as named below.
"""

import hashlib
import os
import socket
import ssl
import struct
import zlib
from dataclasses import dataclass

import zstandard

TIMEOUT_S = 60
PACKET_MAX = 0xFFFFFF  # payload of one packet; a longer one goes on in the next

# "Capabilities Flags".
LONG_PASSWORD, CONNECT_WITH_DB, COMPRESS, PROTOCOL_41, SSL = 1, 8, 1 << 5, 1 << 9, 1 << 11
TRANSACTIONS, SECURE_CONNECTION, MULTI_RESULTS, PLUGIN_AUTH = 1 << 13, 1 << 15, 1 << 17, 1 << 19
ZSTD = 1 << 26
BASE = LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_RESULTS | PLUGIN_AUTH

# "Command Phase".
QUIT, INIT_DB, QUERY, FIELD_LIST, STATISTICS, PROCESS_KILL, PING = 1, 2, 3, 4, 9, 12, 14
CHANGE_USER, PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET_STATEMENT, SET_OPTION = 17, 22, 23, 24, 25, 26, 27
RESET_CONNECTION = 31
MORE_RESULTS = 8  # a server status


class ServerError(Exception):
    """"ERR_Packet"."""

    def __init__(self, payload: bytes):
        self.number = struct.unpack_from("<H", payload, 1)[0]
        self.text = payload[9:].decode(errors="replace") if payload[3:4] == b"#" else payload[3:].decode()
        super().__init__(self.number, self.text)


@dataclass
class Result:
    rows: list[list[bytes | None]]
    columns: int
    status: int


def address() -> tuple[str, int]:
    return os.environ["MOORING_TEST_HOST"], int(os.environ["MOORING_TEST_PORT"])


def native_scramble(password: bytes, salt: bytes) -> bytes:
    """"Native Authentication"."""
    if not password:
        return b""
    once = hashlib.sha1(password).digest()
    mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


class Raw:
    """One connection. In one segment with what we say first goes `header_late`, with the login goes
    `first`; `before` goes out ahead of everything."""

    def __init__(self, where, user=b"root", password=b"", *, before=b"", **more):
        self.socket = socket.create_connection(where, timeout=TIMEOUT_S)
        self.user, self.password, self.compression = user, password, None
        self.received_bytes = 0
        self._buffer, self._plain = b"", b""
        try:
            self.socket.sendall(before)
            self._greeting(self.read())
            self._log_in(**more)
        except BaseException:
            self.close()
            raise

    def _log_in(self, tls=False, capabilities=0, first=b"", header_late=b"") -> None:
        capabilities |= BASE
        head = struct.pack("<IIB23x", capabilities | (SSL if tls else 0), 1 << 30, 45)
        self.sequence = 1
        if tls:
            self.socket.sendall(header_late + self.framed(head))
            header_late = b""
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(self.socket)
        answer = native_scramble(self.password, self.salt)
        login = head + self.user + b"\0" + bytes([len(answer)]) + answer + b"mysql_native_password\0"
        if capabilities & ZSTD:
            login += b"\3"  # level
        self.socket.sendall(header_late + self.framed(login) + first)
        self._await_login()
        if capabilities & ZSTD:
            self.compression = "zstd"
        elif capabilities & COMPRESS:
            self.compression = "zlib"

    def _greeting(self, payload: bytes) -> None:
        """"Protocol::HandshakeV10"."""
        if payload[0] == 0xFF:
            raise ServerError(payload)
        end = payload.index(0, 1)
        self.id = struct.unpack_from("<I", payload, end + 1)[0]
        low, _, _, high = struct.unpack_from("<HBHH", payload, end + 14)
        self.server_capabilities = low | high << 16
        self.salt = payload[end + 5:end + 13] + payload[end + 32:end + 44]

    def _await_login(self) -> None:
        while True:
            payload = self.read()
            if payload[0] == 0xFE and len(payload) > 1:  # "Protocol::AuthSwitchRequest"
                plugin, salt = payload[1:].split(b"\0", 1)
                if self.password and plugin != b"mysql_native_password":
                    raise NotImplementedError(f"plugin {plugin!r}")
                self.write(native_scramble(self.password, salt.removesuffix(b"\0")))
            elif payload[0] == 0:
                return
            elif payload[0] == 0xFF:
                raise ServerError(payload)
            elif payload[:2] != b"\1\3":  # fast authentication of caching_sha2_password has worked
                raise NotImplementedError(f"authentication goes on with {payload!r}")

    # Packets.

    def framed(self, payload: bytes) -> bytes:
        """"MySQL Packets": as many as the length needs, the last one shorter than the longest."""
        framed = []
        while True:
            part, payload = payload[:PACKET_MAX], payload[PACKET_MAX:]
            framed.append(struct.pack("<I", len(part) | (self.sequence & 0xFF) << 24) + part)
            self.sequence += 1
            if len(part) < PACKET_MAX:
                return b"".join(framed)

    def write(self, payload: bytes) -> None:
        self.send(self.framed(payload))

    def send(self, packets: bytes) -> None:
        """"Compressed Packet" around what is sent, when compression is on."""
        if self.compression is None:
            self.socket.sendall(packets)
            return
        for number, start in enumerate(range(0, len(packets), PACKET_MAX)):
            plain = packets[start:start + PACKET_MAX]
            body = zlib.compress(plain) if self.compression == "zlib" else zstandard.compress(plain)
            header = struct.pack("<I", len(body) | (number & 0xFF) << 24) + struct.pack("<I", len(plain))[:3]
            self.socket.sendall(header + body)

    def read(self) -> bytes:
        payload = b""
        while True:
            length, self.sequence = self._header()
            part = self._take(length)
            payload = part if not payload else payload + part
            if length < PACKET_MAX:
                return payload

    def _header(self) -> tuple[int, int]:
        header = self._take(4)
        return int.from_bytes(header[:3], "little"), header[3] + 1

    def _take(self, count: int) -> bytes:
        if self.compression is None:
            return self._receive(count)
        while len(self._plain) < count:
            header = self._receive(7)
            body = self._receive(int.from_bytes(header[:3], "little"))
            plain_length = int.from_bytes(header[4:], "little")
            if plain_length:
                inflate = zlib.decompress if self.compression == "zlib" else zstandard.decompress
                body = inflate(body)
            self._plain += body
        taken, self._plain = self._plain[:count], self._plain[count:]
        return taken

    def _receive(self, count: int) -> bytes:
        parts = [self._buffer[:count]]
        self._buffer = self._buffer[count:]
        missing = count - len(parts[0])
        while missing:
            part = self.socket.recv(min(missing, 1 << 20))
            if not part:
                raise EOFError("the server has closed the connection")
            self.received_bytes += len(part)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    # Commands.

    def command(self, number: int, body: bytes = b"") -> None:
        self.sequence = 0
        self.write(bytes([number]) + body)

    def ask(self, number: int, body: bytes = b"") -> bytes:
        """A command that is answered by one packet."""
        self.command(number, body)
        return self.answer()

    def answer(self) -> bytes:
        payload = self.read()
        if payload[0] == 0xFF:
            raise ServerError(payload)
        return payload

    def query(self, sql: str) -> Result:
        self.command(QUERY, sql.encode())
        return self.result()

    def result(self) -> Result:
        """"Text Resultset", or the OK of a statement without one."""
        payload = self.answer()
        if payload[0] == 0:
            _, at = length_encoded(payload, 1)
            _, at = length_encoded(payload, at)
            return Result([], 0, struct.unpack_from("<H", payload, at)[0])
        columns, _ = length_encoded(payload, 0)
        for _ in range(columns + 1):  # the definitions and EOF
            self.answer()
        rows = []
        while True:
            payload = self.answer()
            if payload[0] == 0xFE and len(payload) < 9:
                return Result(rows, columns, struct.unpack_from("<H", payload, 3)[0])
            rows.append(row_of(payload))

    def prepare(self, sql: str) -> tuple[int, int, int]:
        """"COM_STMT_PREPARE_OK": the statement's id, its columns and its parameters."""
        prepared = self.ask(PREPARE, sql.encode())
        statement, columns, parameters = struct.unpack_from("<IHH", prepared, 1)
        for count in (parameters, columns):
            for _ in range(count + 1 if count else 0):  # the definitions and EOF
                self.answer()
        return statement, columns, parameters

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def packet(command: int, body: bytes = b"") -> bytes:
    """A command as it stands on the wire."""
    return struct.pack("<I", len(body) + 1) + bytes([command]) + body


def length_encoded(payload: bytes, at: int) -> tuple[int, int]:
    """"Protocol::LengthEncodedInteger": the number, and where it ends."""
    first = payload[at]
    if first < 0xFB:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(payload[at + 1:at + 1 + size], "little"), at + 1 + size


def row_of(payload: bytes) -> list[bytes | None]:
    values, at = [], 0
    while at < len(payload):
        if payload[at] == 0xFB:
            values.append(None)
            at += 1
        else:
            length, at = length_encoded(payload, at)
            values.append(payload[at:at + length])
            at += length
    return values
