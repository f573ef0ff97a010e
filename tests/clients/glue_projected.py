"""Tables whose partitions follow from their properties, and some of whose folders have a file."""

import datetime

import pyarrow

LOCATION = "s3://lakehouse"
ENABLED = {"projection.enabled": "true"}


def make(catalog) -> None:
    by_region(catalog)
    by_bucket(catalog)
    by_hour(catalog)
    lately(catalog)
    by_device(catalog)
    catalog.table("half_projected", {"id": "int"}, {"p": "int"}, Parameters=ENABLED)


def write(catalog, table: str, number: int, folder: str, *values: object) -> None:
    """A file with the row `number`, which a partition with these values has."""
    written = pyarrow.table({"id": [number]}, schema=pyarrow.schema([("id", pyarrow.int32())]))
    catalog.rows[table] += [row + values for row in catalog.file(f"{table}/{folder}", written)]


def by_region(catalog) -> None:
    properties = {"projection.region.type": "enum", "projection.region.values": "eu,us,no where"}
    catalog.table("by_region", {"id": "int"}, {"region": "string"}, Parameters=ENABLED | properties)
    for number, region in enumerate(["eu", "us"]):
        write(catalog, "by_region", number, f"region={region}", region)


def by_bucket(catalog) -> None:
    """A million of them, as in Athena's documentation."""
    properties = {"projection.bucket_id.type": "integer", "projection.bucket_id.range": "1,1000000"}
    catalog.table("by_bucket", {"id": "int"}, {"bucket_id": "bigint"}, Parameters=ENABLED | properties)
    for bucket in [1, 77, 79, 1_000_000, 1_000_001]:
        write(catalog, "by_bucket", bucket, f"bucket_id={bucket}", bucket)


def by_hour(catalog) -> None:
    """As Amazon Data Firehose writes: Athena's documentation has this table."""
    properties = {
        "projection.day.type": "date", "projection.day.format": "yyyy/MM/dd",
        "projection.day.range": "2024/02/27,2024/03/02", "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS", "projection.hour.type": "integer", "projection.hour.range": "0,23",
        "projection.hour.digits": "2", "storage.location.template": LOCATION + "/by_hour/${day}/${hour}/",
    }
    keys = {"day": "string", "hour": "int"}
    catalog.table("by_hour", {"id": "int"}, keys, Parameters=ENABLED | properties)
    written = [("2024/02/27", 0), ("2024/02/28", 5), ("2024/02/29", 3), ("2024/02/29", 23), ("2024/03/02", 21)]
    for number, (day, hour) in enumerate(written):
        write(catalog, "by_hour", number, f"{day}/{hour:02}", day, hour)


def lately(catalog) -> None:
    """Of eight days in a row those from the day before yesterday to today."""
    properties = {
        "projection.day.type": "date", "projection.day.format": "dd.MM.yyyy", "projection.day.range": "NOW-2DAYS,NOW",
        "storage.location.template": LOCATION + "/lately/${day}/",
    }
    catalog.table("lately", {"id": "int"}, {"day": "date"}, Parameters=ENABLED | properties)
    today = datetime.datetime.now(datetime.UTC).date()
    for number in range(-5, 3):
        day = today + datetime.timedelta(days=number)
        write(catalog, "lately", number, f"{day:%d.%m.%Y}", day)


def by_device(catalog) -> None:
    properties = {
        "projection.device_id.type": "injected", "storage.location.template": LOCATION + "/by_device/${device_id}",
    }
    catalog.table("by_device", {"id": "int"}, {"device_id": "string"}, Parameters=ENABLED | properties)
    for number, device in enumerate(["a1", "b2", "a1/inner", "x y:%41"]):
        write(catalog, "by_device", number, device, device)
