"""Where files lie and what is around them: compressed text, partitions of their own formats, hidden files, views."""

import base64
import bz2
import gzip
import json

from writer import Writer

# More than a block of a codec holds.
ROWS = 40_000
CODECS = {
    "gzip": "GzipCodec",
    "bzip2": "BZip2Codec",
    "deflate": "DefaultCodec",
    "snappy": "SnappyCodec",
    "lz4": "Lz4Codec",
}

READ_INSTEAD = {
    # Hadoop reads it with a native library only; the rows are the same.
    "formats.text_zstd": "formats.text_gzip",
    # Hive's SerDes tell a null of a partition's text as the name of its folder; Spark's own readers and Trino tell NULL.
    "formats.escaped": "escaped_with_nulls",
    # Spark knows no views of Trino; this is its own one of the same text.
    "formats.trino_view": "formats.plain_view",
}
VIEW_SQL = "SELECT o.id, upper(t.name) AS name FROM {formats}.orc_evolved o JOIN {formats}.text_header_left t ON o.id = t.id WHERE o.f IS NOT NULL"

QUERIES = [
    *(f"SELECT count(*), sum(id), min(name), max(name) FROM formats.text_{kind} WHERE id % 7 = 3" for kind in (*CODECS, "zstd")),
    "SELECT id, name FROM formats.text_compressed ORDER BY id",
    "SELECT id, name, kind FROM formats.mixed ORDER BY id",
    "SELECT id FROM formats.mixed WHERE kind = 'orc' AND id > 1 ORDER BY id",
    "SELECT kind, count(*) FROM formats.mixed GROUP BY kind ORDER BY kind",
    "SELECT id, name, p, q FROM formats.escaped ORDER BY id",
    "SELECT id FROM formats.escaped WHERE p = 'a/b=c%20' ORDER BY id",
    "SELECT id FROM formats.escaped WHERE p IS NULL ORDER BY id",
    "SELECT id FROM formats.escaped WHERE q > 1 ORDER BY id",
    "SELECT p, count(*) FROM formats.escaped GROUP BY p ORDER BY p",
    "SELECT id, name FROM formats.hidden ORDER BY id",
    "SELECT count(*) FROM formats.hidden",
    "SELECT id, name FROM formats.folders ORDER BY id",
    "SELECT * FROM formats.plain_view ORDER BY id",
    "SELECT name FROM formats.plain_view WHERE id = 1",
    "SELECT * FROM formats.trino_view ORDER BY id",
]


def write(writer: Writer) -> None:
    compressed(writer)
    partitions(writer)
    hidden(writer)
    views(writer)


def compressed(writer: Writer) -> None:
    for kind, codec in CODECS.items():
        codec = f"org.apache.hadoop.io.compress.{codec}"
        settings = {"hive.exec.compress.output": "true", "mapreduce.output.fileoutputformat.compress.codec": codec}
        with writer.settings(settings):
            writer.sql(
                f"CREATE TABLE text_{kind} (id bigint, name string) STORED AS TEXTFILE",
                f"INSERT INTO text_{kind} SELECT id, concat('name ', id) FROM range(0, {ROWS}, 1, 1)",
            )
    rows = [f"{number}\x01name {number}\n".encode() for number in range(ROWS)]
    # Frames one after another are one file, as members and streams are.
    zstd = writer.spark._jvm.com.github.luben.zstd.Zstd.compress
    frames = b"".join(zstd(b"".join(part)) for part in (rows[:7], rows[7:]))
    writer.files("text_zstd", "id bigint, name string", "STORED AS TEXTFILE", {"rows.zst": frames})
    files = {
        "a.gz": gzip.compress(rows[0]) + gzip.compress(b"") + gzip.compress(rows[1]),
        "b.bz2": bz2.compress(rows[2]) + bz2.compress(rows[3]),
        "c.txt": rows[4],
        "empty.gz": gzip.compress(b""),
    }
    writer.files("text_compressed", "id bigint, name string", "STORED AS TEXTFILE", files)


def partitions(writer: Writer) -> None:
    writer.sql("CREATE TABLE mixed (id int, name string) PARTITIONED BY (kind string) STORED AS TEXTFILE")
    for number, kind in enumerate(("textfile", "orc", "parquet", "avro")):
        writer.sql(f"ALTER TABLE mixed ADD PARTITION (kind = '{kind}')")
        writer.hive(f"ALTER TABLE mixed PARTITION (kind = '{kind}') SET FILEFORMAT {kind}")
        writer.sql(f"INSERT INTO mixed PARTITION (kind = '{kind}') VALUES ({number * 10 + 1}, 'first'), ({number * 10 + 2}, NULL)")
    # The table has since become one of ORC.
    writer.hive("ALTER TABLE mixed SET FILEFORMAT ORC")

    writer.sql(
        "CREATE TABLE escaped (id int, name string) PARTITIONED BY (p string, q int) STORED AS TEXTFILE",
        """INSERT INTO escaped PARTITION (p, q) VALUES (1, 'one', 'a/b=c%20', 1), (2, 'two', 'ü:"{}[]#^?*', 2), (3, 'three', NULL, 3),
            (4, 'four', ' ', NULL), (5, 'five', 'A', 1), (6, 'six', 'a', 1)""",
        # A folder without files.
        "ALTER TABLE escaped ADD PARTITION (p = 'empty', q = 9)",
    )
    nulls = "nullif(p, '__HIVE_DEFAULT_PARTITION__')"
    writer.sql(f"CREATE TEMPORARY VIEW escaped_with_nulls AS SELECT id, name, {nulls} AS p, q FROM escaped")
    # Folders that the metastore does not know are no partitions.
    unknown = writer.warehouse / "escaped/p=unknown/q=1"
    unknown.mkdir(parents=True)
    (unknown / "rows").write_bytes(b"99\x01unknown\n")


def hidden(writer: Writer) -> None:
    text = "ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE"
    files = {"rows": b"1,one\n", "_SUCCESS": b"", "_temporary.csv": b"8,hidden\n", ".part": b"9,hidden\n", "rows.txt": b"2,two\n"}
    writer.files("hidden", "id int, name string", text, files)
    files = {"rows": b"1,one\n", "below/rows": b"2,two\n", "below/deeper/rows": b"3,three\n", "_hidden/rows": b"9,hidden\n"}
    writer.files("folders", "id int, name string", text, files)


def views(writer: Writer) -> None:
    sql = VIEW_SQL.format(formats="formats")
    writer.sql(f"CREATE VIEW plain_view AS {sql}")
    # As Trino's `ViewReaderUtil.encodeViewData` and `TrinoViewHiveMetastore` write a view.
    definition = {
        "originalSql": VIEW_SQL.format(formats="hive.formats"),
        "catalog": "hive",
        "schema": "formats",
        "columns": [{"name": "id", "type": "bigint"}, {"name": "name", "type": "varchar"}],
        "owner": "trino",
        "runAsInvoker": False,
        "path": [],
    }
    encoded = base64.b64encode(json.dumps(definition).encode()).decode()

    def of_trino(view) -> None:
        view.setViewOriginalText(f"/* Presto View: {encoded} */")
        view.setViewExpandedText("/* Presto View */")
        # One column that stands for all.
        columns = view.getSd().getCols()
        del columns[1:]
        columns[0].setName("dummy")
        columns[0].setType("string")
        parameters = view.getParameters()
        parameters.clear()
        for name, value in {"presto_view": "true", "trino_created_by": "Trino Hive connector", "comment": "Presto View"}.items():
            parameters[name] = value

    writer.copy_definition("plain_view", "trino_view", of_trino)
