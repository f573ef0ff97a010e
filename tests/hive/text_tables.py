"""Tables of text: Hive's `LazySimpleSerDe`, `OpenCSVSerde` and the `JsonSerDe` of HCatalog."""

from writer import Writer

TEXT = "STORED AS TEXTFILE"
CSV = "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"
JSON = "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'"
JSON_COPIES = {
    "json_of_hive_3": "org.apache.hadoop.hive.serde2.JsonSerDe",
    "json_of_openx": "org.openx.data.jsonserde.JsonSerDe",
}

# Spark does not skip lines of tables of SerDes (SPARK-11374), so that it reads, in place of each of these,
# a table of the lines that are left.
READ_INSTEAD = {
    "formats.text_header": "formats.text_header_left",
    "formats.text_footer": "formats.text_footer_left",
    "formats.csv_header": "formats.csv_header_left",
    # The same files with SerDes that Spark has not.
    **{f"formats.{table}": "formats.json_nested_by_hand" for table in JSON_COPIES},
}

NUMBERS = "id int, t tinyint, s smallint, i int, l bigint, f float, d double, dec decimal(5,2), b boolean"
DELIMITED = (
    "ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' ESCAPED BY '\\\\' COLLECTION ITEMS TERMINATED BY ',' "
    "MAP KEYS TERMINATED BY ':' NULL DEFINED AS 'nil' STORED AS TEXTFILE"
)
COMMAS = "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE"

QUERIES = [
    "SELECT * FROM formats.text_types ORDER BY l",
    "SELECT id, items[0], cardinality(items), prices['a'], cardinality(prices), place.city, place.zip, "
    "parts[0]['n'], parts[0]['names'][0] FROM formats.text_nested ORDER BY id",
    "SELECT id, items[0], cardinality(items), prices['a'], place.city, place.zip FROM formats.text_nested_by_hand ORDER BY id",
    "SELECT * FROM formats.text_numbers ORDER BY id",
    "SELECT id FROM formats.text_numbers WHERE i IS NULL ORDER BY id",
    "SELECT sum(i), count(d), max(dec) FROM formats.text_numbers",
    "SELECT * FROM formats.text_times ORDER BY id",
    "SELECT * FROM formats.text_dates_with_time ORDER BY id",
    "SELECT * FROM formats.text_timestamp_formats ORDER BY id",
    "SELECT * FROM formats.text_binary ORDER BY id",
    "SELECT id, str, v, rtrim(c) FROM formats.text_strings ORDER BY id",
    "SELECT id FROM formats.text_strings WHERE str = ''",
    "SELECT id, str, items[0], items[1], cardinality(items), prices['a'] FROM formats.text_delimited ORDER BY id",
    "SELECT * FROM formats.text_lines ORDER BY id, name",
    "SELECT count(*) FROM formats.text_lines",
    "SELECT * FROM formats.text_crlf ORDER BY id",
    "SELECT * FROM formats.text_rest ORDER BY id",
    "SELECT * FROM formats.text_header ORDER BY id",
    "SELECT count(*) FROM formats.text_header",
    "SELECT * FROM formats.text_footer ORDER BY id",
    "SELECT count(*) FROM formats.text_footer",
    "SELECT * FROM formats.csv_default ORDER BY id",
    "SELECT * FROM formats.csv_other ORDER BY id",
    "SELECT * FROM formats.csv_header ORDER BY id",
    "SELECT count(*), min(name) FROM formats.csv_header WHERE id > '1'",
    "SELECT * FROM formats.json_types ORDER BY l",
    "SELECT id, items[0], cardinality(items), prices['a'], cardinality(prices), place.city, place.zip, "
    "parts[0]['n'], parts[0]['names'][0] FROM formats.json_nested ORDER BY id",
    "SELECT * FROM formats.json_by_hand ORDER BY id",
    *(f"SELECT id, place.city, items[0] FROM formats.{table} ORDER BY id" for table in ("json_nested_by_hand", *JSON_COPIES)),
]


def write(writer: Writer) -> None:
    by_spark(writer)
    numbers(writer)
    times(writer)
    strings(writer)
    lines(writer)
    skipped_lines(writer)
    csv(writer)
    json(writer)


def by_spark(writer: Writer) -> None:
    """Copies of tables of another format, written by Hive's SerDes."""
    for kind, stored_as in (("text", TEXT), ("json", JSON)):
        for what in ("types", "nested"):
            # The one of JSON does not write binaries.
            fields = [field for field in writer.spark.table(f"orc_{what}").schema if (kind, field.name) != ("json", "bin")]
            columns = ", ".join(f"{field.name} {declared(field)}" for field in fields)
            copied = ", ".join(field.name for field in fields)
            writer.sql(f"CREATE TABLE {kind}_{what} ({columns}) {stored_as}", f"INSERT INTO {kind}_{what} SELECT {copied} FROM orc_{what}")


def declared(field) -> str:
    """Spark keeps what a `char` was declared as beside the type."""
    return field.metadata.get("__CHAR_VARCHAR_TYPE_STRING", field.dataType.simpleString())


def separated(separator: str, *rows: str) -> bytes:
    """Rows are written with blanks between their fields; `_` is a blank of a field."""
    return "".join(separator.join(field.replace("_", " ") for field in row.split(" ")) + "\n" for row in rows).encode()


def numbers(writer: Writer) -> None:
    rows = [
        r"1 1 2 3 4 1.5 2.5 1.25 true",
        r"2 \N \N \N \N \N \N \N \N",
        "3" + " " * 8,
        "4 x x x x x x x x",
        "5 _1 1_ _1_ _1_ _1.5 1.5_ _1.5_ _true",
        "6 1.9 1.9 1.9 1.9 1e1 1e1 1e1 TRUE",
        "7 +5 +5 +5 +5 +5 +5 +5 False",
        "8 128 32768 2147483648 9223372036854775808 1e39 1e309 1000 FALSE",
        "9 -128 -32768 -2147483648 -9223372036854775808 -0.5 -1e300 -999.99 1",
        "10 127 32767 2147483647 9223372036854775807 NaN NaN 1.255 0",
        "11 -129 -32769 -2147483649 -9223372036854775809 Infinity -Infinity 1.245 yes",
        "12 1.0 -1.9 .5 5. .5 5. .5 t",
        "13 0x1 1_0 1,000 1L 1f 1d 1,5 f",
        "14 00 007 -0 -00 nan inf 999.999 tRuE",
        "15 - + -. . . - . true_",
        "16 1e2 1E2 1e2 1e2 1E2 1E-2 1E-2 NULL",
        "17 ١ １ ١ 1 1 1 １ true",
    ]
    writer.files("text_numbers", NUMBERS, TEXT, {"rows": separated("\x01", *rows)})


def times(writer: Writer) -> None:
    # No 30th of February and no 24 o'clock: those are the next day to Hive 2 and null to Hive 4.
    dates = [
        "2024-02-29", "", "2024-2-9", " 2024-02-29", "2024-02-29 ", "0001-01-01", "9999-12-31", "1582-10-15", "20240229",
        "2024/02/29", "2024-13-01", "\\N", "1900-01-01", "x", "1970-01-01", "1969-12-31",
    ]
    stamps = [
        "2024-02-29 12:34:56", "2024-02-29 12:34:56.", "2024-02-29 12:34:56.7", "2024-02-29 12:34:56.78", "2024-02-29 12:34:56.789",
        "2024-02-29 12:34:56.123456", "2024-02-29 12:34:56.123456789", "2024-02-29 12:34:56.1234567890", "2024-02-29",
        "2024-02-29T12:34:56", "2024-02-29 12:34", " 2024-02-29 12:34:56", "2024-02-29 12:34:56 ", "1969-12-31 23:59:59.5",
        "1709210096", "\\N",
    ]
    rows = [f"{number}\x01{day}\x01{stamp}\n" for number, (day, stamp) in enumerate(zip(dates, stamps, strict=True), 1)]
    writer.files("text_times", "id int, dt date, ts timestamp", TEXT, {"rows": "".join(rows).encode()})
    rows = b"1\x012024-02-29 12:00:00\n2\x012024-02-29T12:00:00\n3\x012024-02-29\n"
    writer.files("text_dates_with_time", "id int, dt date", TEXT, {"rows": rows})
    formats = "yyyy-MM-dd'T'HH:mm:ss,yyyy-MM-dd'T'HH:mm:ss.SSS,yyyy/MM/dd HH:mm,millis"
    stamps = ["2024-02-29T12:34:56", "2024-02-29T12:34:56.789", "2024/02/29 12:34", "1709210096789", "2024-02-29 12:34:56.5", "29.2.2024", "\\N"]
    rows = [f"{number}\x01{stamp}\n" for number, stamp in enumerate(stamps, 1)]
    writer.files(
        "text_timestamp_formats", "id int, ts timestamp",
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' WITH SERDEPROPERTIES (\"timestamp.formats\" = \"%s\")" % formats,
        {"rows": "".join(rows).encode()},
    )


def strings(writer: Writer) -> None:
    # With padding, without, empty, and what is no base64.
    binaries = ["AP8=", "AP8", "", "\\N", "YWJj", "a b", "größe"]
    rows = [f"{number}\x01{binary}\n" for number, binary in enumerate(binaries, 1)]
    writer.files("text_binary", "id int, bin binary", TEXT, {"rows": "".join(rows).encode()})
    texts = ["plain", "", "\\N", " blanks ", "größe", "longer than ten", "N", "\\\\N", "tab\there", '"quoted"']
    rows = [f"{number}\x01{text}\x01{text}\x01{text}\n" for number, text in enumerate(texts, 1)]
    writer.files("text_strings", "id int, str string, v varchar(10), c char(5)", TEXT, {"rows": "".join(rows).encode()})
    # Lists, maps and structs with the separators of depths 2 and 3, whole and torn.
    rows = [
        "1\x011\x022\x023\x01a\x031.5\x02b\x032\x01Paris\x0275000",
        "2\x01\x01\x01",
        "3\x01\\N\x01\\N\x01\\N",
        "4\x01\\N\x02x\x02\x01a\x02b\x03\x01Rome",
        "5\x017\x01a\x031\x02a\x032\x01\x02\x02more",
        "6\x01\x02\x01\x031\x01\\N\x025",
    ]
    columns = "id int, items array<int>, prices map<string,decimal(5,2)>, place struct<city:string,zip:int>"
    writer.files("text_nested_by_hand", columns, TEXT, {"rows": "\n".join(rows).encode()})
    rows = [
        r"1|a\|b|x,y|a:1",
        r"2|a\\b|x\,y,z|a\:b:1,a:2",
        r"3|nil|nil|nil",
        r"4|\n|nil,nil|a:nil",
        r"5|\N||",
        r"6|\nil|NULL|b:1",
        r"7|a\xb\|x|a:x",
    ]
    columns = "id int, str string, items array<string>, prices map<string,int>"
    writer.files("text_delimited", columns, DELIMITED, {"rows": "".join(f"{row}\n" for row in rows).encode()})


def lines(writer: Writer) -> None:
    # Too few fields, too many, none at all, and a last line without its end.
    files = {"a": b"1,one,x\n2\n3,three,x,more\n\n,\n4,four,\n", "b": b"5,five,y", "empty": b"", "newline": b"\n"}
    writer.files("text_lines", "id int, name string, last string", COMMAS, files)
    files = {"a": b"1,one\r\n2,two\r\n\r\n3,three", "b": b"4,four\r5,five\r\n6,\r\n"}
    writer.files("text_crlf", "id int, name string", COMMAS, files)
    rest = (
        "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' WITH SERDEPROPERTIES "
        "('field.delim' = ',', 'serialization.last.column.takes.rest' = 'true')"
    )
    writer.files("text_rest", "id int, rest string", rest, {"rows": b"1,one,two,,three\n2,\n3\n4,,\n"})


def skipped_lines(writer: Writer) -> None:
    """Files with lines at their ends that are no rows, and copies without them."""
    columns = "id int, name string"
    rows = b"1,one\n2,two\n3,three\n"
    header = "TBLPROPERTIES ('skip.header.line.count' = '2')"
    # One line is fewer than are skipped.
    files = {"a": b"id,name\nint,string\n" + rows, "b": b"id,name\nint,string\n4,four", "short": b"id,name\n", "empty": b""}
    writer.files("text_header", columns, COMMAS, files, header)
    writer.files("text_header_left", columns, COMMAS, {"a": rows, "b": b"4,four"})
    both = "TBLPROPERTIES ('skip.header.line.count' = '1', 'skip.footer.line.count' = '2')"
    files = {"a": b"id,name\n" + rows + b"total,3\nend\n", "b": b"id,name\n4,four\ntotal,1\nend", "short": b"id,name\n9,nine\nend\n"}
    writer.files("text_footer", columns, COMMAS, files, both)
    writer.files("text_footer_left", columns, COMMAS, {"a": rows, "b": b"4,four\n"})
    rows = b'"1","one, or two"\n2,two\n'
    writer.files("csv_header", columns, CSV, {"a": b'"id","name"\n' + rows}, "TBLPROPERTIES ('skip.header.line.count' = '1')")
    writer.files("csv_header_left", columns, CSV, {"a": rows})


def csv(writer: Writer) -> None:
    rows = [
        r'1,one,"two"',
        r'2,"a,b","say ""yes"""',
        r'3,"say \"yes\"","back\\slash"',
        r'4,,""',
        r'5',
        r'6,six,seven,eight',
        r'7, blank , "blank and quote" ',
        r'8,\N,NULL',
        r"9,it's,'single, quoted'",
        r'10,größe,"größe"',
        r'11,a"b,"a"b',
    ]
    writer.files("csv_default", "id int, name string, note string", CSV, {"rows": "\n".join(rows).encode()})
    rows = [
        r"1|one|'two'",
        r"2|'a|b'|'it''s'",
        r"3|'it~'s'|'a~~b'",
        r'4|"double"|back\slash',
    ]
    other = CSV + " WITH SERDEPROPERTIES ('separatorChar' = '|', 'quoteChar' = \"'\", 'escapeChar' = '~')"
    writer.files("csv_other", "id string, name string, note string", other, {"rows": "\n".join(rows).encode()})


def json(writer: Writer) -> None:
    rows = [
        '{"id": 1, "name": "one", "l": 5000000000, "d": 1.5, "b": true, "dec": 1.25, "dt": "2024-02-29", "ts": "2024-02-29 12:34:56.789"}',
        '{"id": 2}',
        '{"ID": 3, "Name": "Drei größe \\u00e9\\n", "extra": {"a": [1, 2]}, "b": false, "d": 1e300, "l": -1}',
        '{"id": 4, "name": null, "l": null, "d": null, "b": null, "dec": null, "dt": null, "ts": null}',
        ' { "name" : "" , "id" : 5 , "d" : 3 , "dec": 2 } ',
        '{"id": 6, "name": "twice", "name": "the later"}',
    ]
    columns = "id int, name string, l bigint, d double, b boolean, dec decimal(5,2), dt date, ts timestamp"
    writer.files("json_by_hand", columns, JSON, {"rows": "\n".join(rows).encode()})
    rows = [
        '{"id": 1, "place": {"City": "Paris", "zip": 75000, "extra": 1}, "items": [1, null, 3]}',
        '{"id": 2, "place": null, "items": []}',
        '{"id": 3, "place": {}, "items": null}',
    ]
    writer.files("json_nested_by_hand", "id int, place struct<city:string,zip:int>, items array<int>", JSON, {"rows": "\n".join(rows).encode()})
    for table, serde in JSON_COPIES.items():
        writer.copy_definition("json_nested_by_hand", table, lambda definition: definition.getSd().getSerdeInfo().setSerializationLib(serde))
