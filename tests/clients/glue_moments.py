"""Tables of timestamps by writers in several zones: Parquet that pyarrow writes, and the wall time that Python's
`zoneinfo` says of it."""

import datetime
import io
import zoneinfo

import pyarrow
import pyarrow.parquet

import glue_tables

UTC = datetime.timezone.utc
# What Hive keeps in the footer, and the wall times that it was given; each time that has no zone is of UTC.
WRITERS = {
    "tokyo": ("Asia/Tokyo", [
        "2024-07-01 00:30:00", "2024-01-01 08:59:59.999999", None, "1970-01-01 00:00:00", "1890-06-01 12:00:00",
        "9999-12-31 00:00:00", "2024-03-10 02:30:00",
    ]),
    # In the hour that summer leaves out and in the one that it has twice, in a year of local mean time, and far away.
    "new_york": ("America/New_York", [
        "2024-03-10 01:59:59.500000", "2024-03-10 03:00:00", "2024-11-03 01:30:00", "2024-11-03 01:30:00 again",
        "1850-01-01 00:00:00", None, "2050-07-01 12:00:00",
    ]),
    "plain": (None, ["2024-07-01 12:00:00", "2024-12-31 23:30:00", None, "1999-12-31 22:59:59", "2024-03-31 00:59:59"]),
    # Its footer says that Impala wrote it, which keeps wall time.
    "impala": ("as it is", ["2024-07-01 12:00:00", "2024-10-27 02:30:00", None]),
}
COLUMNS = {
    "id": "int", "ts": "timestamp", "place": "struct<n:int,moment:timestamp>", "many": "array<timestamp>",
    "named": "map<string,timestamp>",
}
INSTANTS = {"id": "int", "ts": "timestamp", "instant": "timestamp with local time zone", "wall": "timestamp"}
ROW_GROUP_ROWS = 2


# The ids of its rows.
PLAIN = range(14, 19)


def utc(text: str, zone: str | None) -> datetime.datetime:
    """The instant, without its zone. `again`: the second one of two."""
    wall = datetime.datetime.fromisoformat(text.removesuffix(" again")).replace(fold=int(text.endswith("again")))
    if zone in (None, "as it is"):
        return wall
    return wall.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def moments(catalogs_zone: str) -> list[tuple]:
    """For each row of both tables its id, its instant, and the wall time that a catalog of the zone shows."""
    rows = []
    for name, (zone, texts) in WRITERS.items():
        for text in texts:
            instant = None if text is None else utc(text, zone)
            wall = instant
            if instant is not None and name != "impala":
                shown = zoneinfo.ZoneInfo(zone or catalogs_zone)
                wall = instant.replace(tzinfo=UTC).astimezone(shown).replace(tzinfo=None, fold=0)
            rows.append((len(rows), instant, wall))
    return rows


def make(catalog: glue_tables.Catalog) -> None:
    catalog.table("moments", COLUMNS)
    catalog.table("instants", INSTANTS)
    known = moments("UTC")
    for name, (zone, texts) in WRITERS.items():
        rows, known = known[:len(texts)], known[len(texts):]
        put(catalog, f"moments/{name}", as_int96(rows), name, zone, use_deprecated_int96_timestamps=True)
        put(catalog, f"instants/{name}", as_int64(rows), name, zone)
    catalog.table("lost", {"ts": "timestamp"})
    put(catalog, "lost/a", pyarrow.table({"ts": [datetime.datetime(2024, 1, 1)]}), "lost", "Mars/Base",
        use_deprecated_int96_timestamps=True)


def as_int96(rows: list[tuple]) -> pyarrow.Table:
    timestamp = pyarrow.timestamp("us")
    instants = [instant for _, instant, _ in rows]
    fields = {
        "id": pyarrow.array([number for number, _, _ in rows], pyarrow.int32()),
        "ts": pyarrow.array(instants, timestamp),
        "place": pyarrow.array([{"n": number, "moment": instant} for number, instant, _ in rows],
                               pyarrow.struct([("n", pyarrow.int32()), ("moment", timestamp)])),
        "many": pyarrow.array([[instant, None] for instant in instants], pyarrow.list_(timestamp)),
        "named": pyarrow.array([[("a", instant)] for instant in instants], pyarrow.map_(pyarrow.string(), timestamp)),
    }
    return pyarrow.table(fields)


def as_int64(rows: list[tuple]) -> pyarrow.Table:
    """The first two are adjusted to UTC, the last one is not."""
    instants = [instant for _, instant, _ in rows]
    adjusted = pyarrow.timestamp("us", tz="UTC")
    fields = {
        "id": pyarrow.array([number for number, _, _ in rows], pyarrow.int32()),
        "ts": pyarrow.array(instants, adjusted), "instant": pyarrow.array(instants, adjusted),
        "wall": pyarrow.array(instants, pyarrow.timestamp("us")),
    }
    return pyarrow.table(fields)


def put(catalog: glue_tables.Catalog, key: str, table: pyarrow.Table, name: str, zone: str | None, **options) -> None:
    if zone is not None and name != "impala":
        table = table.replace_schema_metadata({"writer.time.zone": zone})
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content, row_group_size=ROW_GROUP_ROWS, **options)
    data = content.getvalue()
    if name == "impala":
        writer = pyarrow.parquet.read_metadata(io.BytesIO(data)).created_by.encode()
        assert data.count(writer) == 1
        data = data.replace(writer, b"impala version 4".ljust(len(writer)))
    catalog.s3.put_object(Bucket=glue_tables.BUCKET, Key=f"{key}.parquet", Body=data)
