"""A Flight SQL client of pyarrow's Flight client, whose messages are written here by protobuf's rules."""

import os

import pyarrow.flight as flight

URL = "type.googleapis.com/arrow.flight.protocol.sql."


def plain():
    return f"grpc://{os.environ['MOORING_TEST_FLIGHT_SQL']}"


def encrypted():
    return f"grpc+tls://{os.environ['MOORING_TEST_FLIGHT_SQL']}"


def varint(number):
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def field(number, value):
    """A text, bytes or a truth, as protobuf writes it."""
    if isinstance(value, bool):
        return varint(number << 3) + varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(message):
    """The fields of a message that has texts and numbers only."""
    found = {}
    while message:
        key, message = read_varint(message)
        if key & 7 == 2:
            length, message = read_varint(message)
            found[key >> 3], message = message[:length], message[length:]
        else:
            found[key >> 3], message = read_varint(message)
    return found


def read_varint(message):
    number, shift = 0, 0
    while True:
        byte, message = message[0], message[1:]
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, message


def packed(name, *parts):
    return field(1, URL + name) + field(2, b"".join(parts))


def command(name, *parts):
    return flight.FlightDescriptor.for_command(packed(name, *parts))


def query(sql):
    return command("CommandStatementQuery", field(1, sql))


class Client:
    """A connection with its token."""

    def __init__(self, user="root", password="", location=None, **options):
        location = location or plain()
        if location.startswith("grpc+tls://"):
            options = {"disable_server_verification": "tls_root_certs" not in options} | options
        self.flight = flight.FlightClient(location, **options)
        self.header = self.flight.authenticate_basic_token(user, password)
        self.options = flight.FlightCallOptions(headers=[self.header])

    def info(self, descriptor):
        return self.flight.get_flight_info(descriptor, self.options)

    def table(self, descriptor):
        endpoint = self.info(descriptor).endpoints[0]
        return self.flight.do_get(endpoint.ticket, self.options).read_all()

    def rows(self, sql):
        return self.table(query(sql)).to_pylist()

    def act(self, name, body=b""):
        answers = self.flight.do_action(flight.Action(name, body), self.options)
        return [answer.body.to_pybytes() for answer in answers]

    def prepare(self, sql):
        [answer] = self.act("CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", field(1, sql)))
        return fields(fields(answer)[2])

    def bind(self, handle, table):
        descriptor = command("CommandPreparedStatementQuery", field(1, handle))
        writer, reader = self.flight.do_put(descriptor, table.schema, self.options)
        writer.write_table(table)
        writer.done_writing()
        reader.read()
        writer.close()

    def set_option(self, name, value):
        option = field(1, field(1, name) + field(2, field(1, value)))
        [answer] = self.act("SetSessionOptions", option)
        return answer

    def close(self):
        self.flight.close()
