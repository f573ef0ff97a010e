"""The cases of `types.json` as Arrow has them: the type of each, and the value that its literal means."""

import datetime
import re
import struct
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from type_cases import cases_of, read_types

UTC = datetime.UTC
# By the names in `types.json`. What a TIMESTAMP(n) computes has n digits of the second; TIME has nanoseconds.
ARROW_TYPES = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(), "tinyint_unsigned": pa.uint8(),
    "smallint": pa.int16(), "smallint_unsigned": pa.uint16(),
    "int": pa.int32(), "int_unsigned": pa.uint32(),
    "bigint": pa.int64(), "bigint_unsigned": pa.uint64(),
    "float": pa.float32(), "double": pa.float64(),
    "decimal_5_2": pa.decimal128(5, 2), "decimal_18_0": pa.decimal128(18, 0), "decimal_38_0": pa.decimal128(38, 0),
    "decimal_38_10": pa.decimal128(38, 10), "decimal_38_38": pa.decimal128(38, 38),
    "date": pa.date32(),
    "datetime": pa.timestamp("s"), "datetime_3": pa.timestamp("ms"), "datetime_6": pa.timestamp("us"),
    "timestamp_6": pa.timestamp("us", "UTC"),
    "time_6": pa.time64("ns"),
    "varchar": pa.string(), "char": pa.string(), "text": pa.string(), "varbinary": pa.binary(),
    "list": pa.list_(pa.int64()), "struct": pa.struct([("a", pa.int64()), ("b", pa.string())]),
}
COMPOSED = {"make_array(1, 2, NULL)": [1, 2, None], "named_struct('a', 1, 'b', 'x')": {"a": 1, "b": "x"}}
# As JDBC's program reads them: by which accessor.
KINDS = {
    "boolean": "boolean", "float": "float", "double": "double", "date": "date", "datetime": "datetime",
    "timestamp": "instant", "time": "time", "varchar": "text", "char": "text", "text": "text", "varbinary": "bytes",
}


@dataclass(frozen=True)
class ArrowCase:
    name: str
    sql: str
    type: pa.DataType
    value: object

    @property
    def kind(self):
        return KINDS.get(re.split("[._]", self.name)[0], "number")


def read_arrow_cases():
    for entry in read_types():
        for case, literal in zip(cases_of(entry), [*entry["values"], "NULL"]):
            data_type = ARROW_TYPES[entry["type"]]
            text = literal["mooring"] if isinstance(literal, dict) else literal
            yield ArrowCase(case.name, case.mooring, data_type, value_of(text, data_type))


def value_of(literal, data_type):
    """What a literal of SQL means as a value of the type, as Python has it."""
    if literal == "NULL":
        return None
    if literal in COMPOSED:
        return COMPOSED[literal]
    if pa.types.is_boolean(data_type):
        return literal == "TRUE"
    if pa.types.is_integer(data_type):
        return int(literal)
    if pa.types.is_float32(data_type):
        return struct.unpack("f", struct.pack("f", float(literal)))[0]
    if pa.types.is_float64(data_type):
        return float(literal)
    if pa.types.is_binary(data_type):
        return bytes.fromhex(literal[2:-1])
    text = text_of(literal)
    if pa.types.is_decimal(data_type):
        return Decimal(text)
    if pa.types.is_date(data_type):
        return datetime.date.fromisoformat(text)
    if pa.types.is_time(data_type):
        return datetime.time.fromisoformat(text)
    if pa.types.is_timestamp(data_type):
        zone = UTC if data_type.tz else None
        return datetime.datetime.fromisoformat(text.replace(".25", ".250")).replace(tzinfo=zone)
    return text


def text_of(literal):
    if match := re.fullmatch(r"REPEAT\('(\w+)', (\d+)\)", literal):
        return match[1] * int(match[2])
    if match := re.fullmatch(r"CONCAT\('(\w+)', CHR\((\d+)\), '(\w+)'\)", literal):
        return match[1] + chr(int(match[2])) + match[3]
    return literal.removeprefix("'").removesuffix("'").replace("''", "'")
