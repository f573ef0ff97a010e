"""The tables of the Glue tests: Parquet that pyarrow writes into a bucket, and what it reads from it."""

import datetime
import decimal
import io

import pyarrow
import pyarrow.parquet

import glue_projected

BUCKET = "lakehouse"
DATABASE = "market"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
# Partitions of the table `many`, with one row in each.
MANY = 60
# Rows of the table `codes`.
CODES = 1000
# What Hive writes for a partition whose column is NULL.
NULL = "__HIVE_DEFAULT_PARTITION__"
# Columns of tables that have no rows to show.
HOLLOW = {"id": "int", "code": "char(5)", "name": "varchar(7)"}
TYPES = {
    "b": ("boolean", pyarrow.bool_()), "t": ("tinyint", pyarrow.int8()), "s": ("smallint", pyarrow.int16()),
    "i": ("int", pyarrow.int32()), "l": ("bigint", pyarrow.int64()), "f": ("float", pyarrow.float32()),
    "d": ("double", pyarrow.float64()), "amount": ("decimal(38,10)", pyarrow.decimal128(38, 10)),
    "str": ("string", pyarrow.string()), "bin": ("binary", pyarrow.binary()), "dt": ("date", pyarrow.date32()),
    "ts": ("timestamp", pyarrow.timestamp("us")),
}


class Catalog:
    """Makes tables, and keeps in `rows` what pyarrow reads of each, the partition columns last."""

    def __init__(self, s3, glue):
        self.s3 = s3
        self.glue = glue
        self.rows: dict[str, list[tuple]] = {}
        s3.create_bucket(Bucket=BUCKET)
        glue.create_database(DatabaseInput={"Name": DATABASE})

    def file(self, folder: str, written: pyarrow.Table, **options: object) -> list[tuple]:
        """The rows as they are read again."""
        content = io.BytesIO()
        pyarrow.parquet.write_table(written, content, **options)
        self.s3.put_object(Bucket=BUCKET, Key=f"{folder}/part-0.parquet", Body=content.getvalue())
        content.seek(0)
        return [tuple(row.values()) for row in pyarrow.parquet.read_table(content).to_pylist()]

    def table(self, name: str, columns: dict[str, str], keys: dict[str, str] | None = None, **more: object) -> None:
        described = {
            "Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage(name, columns),
            "PartitionKeys": fields(keys or {}),
        }
        self.glue.create_table(DatabaseName=DATABASE, TableInput=described | more)
        self.rows[name] = []

    def partition(self, name: str, values: list[str], folder: str, columns: dict[str, str]) -> None:
        described = {"Values": values, "StorageDescriptor": storage(folder, columns)}
        self.glue.create_partition(DatabaseName=DATABASE, TableName=name, PartitionInput=described)


def fields(columns: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": hive_type} for name, hive_type in columns.items()]


def storage(folder: str, columns: dict[str, str], input_format: str = PARQUET) -> dict[str, object]:
    return {
        "Columns": fields(columns), "Location": f"s3://{BUCKET}/{folder}", "InputFormat": input_format,
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    }


def make(s3, glue) -> Catalog:
    catalog = Catalog(s3, glue)
    make_types(catalog)
    make_sales(catalog)
    make_by_day(catalog)
    make_many(catalog)
    make_counted(catalog)
    make_codes(catalog)
    make_codes_by_kind(catalog)
    make_refused(catalog)
    make_hollow(catalog)
    glue_projected.make(catalog)
    return catalog


def make_types(catalog: Catalog) -> None:
    rows = [
        [True, 127, 32767, 2**31 - 1, 2**63 - 1, 1.5, 2.5, decimal.Decimal("1234567890123456789012345678.0123456789"),
         "größe", b"\x00\xff", datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 34, 56, 789012)],
        [False, -128, -32768, -(2**31), -(2**63), -0.5, 1e300, decimal.Decimal("-1.25"), "", b"",
         datetime.date(1970, 1, 1), datetime.datetime(1970, 1, 1)],
        [None] * len(TYPES),
    ]
    schema = pyarrow.schema([(name, arrow) for name, (_, arrow) in TYPES.items()])
    written = pyarrow.table([list(column) for column in zip(*rows)], schema=schema)
    catalog.table("types", {name: hive for name, (hive, _) in TYPES.items()})
    catalog.rows["types"] = catalog.file("types", written)


def make_sales(catalog: Catalog) -> None:
    """Partitions that lie elsewhere, have quotes in their values, or have no year."""
    columns = {"id": "int", "amount": "decimal(10,2)"}
    catalog.table("sales", columns, {"year": "int", "city": "string"})
    partitions = [
        ("2023", "Rome", "sales/2023/rome"), ("2023", "L'Aquila", "sales/2023/aquila"), ("2024", "Rome", "moved"),
        ("2024", "São Paulo", "sales/2024/sao"), (NULL, "Rome", "sales/none"),
    ]
    for number, (year, city, folder) in enumerate(partitions):
        written = pyarrow.table(
            {"id": [number, number + 100], "amount": [decimal.Decimal("1.25"), None]},
            schema=pyarrow.schema([("id", pyarrow.int32()), ("amount", pyarrow.decimal128(10, 2))]),
        )
        catalog.partition("sales", [year, city], folder, columns)
        known = (None if year == NULL else int(year), city)
        catalog.rows["sales"] += [row + known for row in catalog.file(folder, written)]


def make_by_day(catalog: Catalog) -> None:
    catalog.table("by_day", {"id": "int"}, {"day": "date"})
    for number in range(1, 11):
        day = datetime.date(2024, 2, 24) + datetime.timedelta(days=number)
        folder = f"by_day/{day}"
        catalog.partition("by_day", [str(day)], folder, {"id": "int"})
        catalog.rows["by_day"] += [row + (day,) for row in catalog.file(folder, numbers(number))]
    # One whose files are all gone.
    catalog.partition("by_day", ["2024-02-24"], "by_day/gone", {"id": "int"})


def make_many(catalog: Catalog) -> None:
    catalog.table("many", {"id": "int"}, {"p": "int"})
    for number in range(MANY):
        folder = f"many/p={number}"
        catalog.partition("many", [str(number)], folder, {"id": "int"})
        catalog.rows["many"] += [row + (number,) for row in catalog.file(folder, numbers(number))]


def make_counted(catalog: Catalog) -> None:
    """Somebody has counted its rows, so that statistics of its columns are of use."""
    catalog.table("counted", {"id": "int"}, {"p": "int"}, Parameters={"numRows": "2", "totalSize": "900"})
    for number in range(2):
        folder = f"counted/p={number}"
        catalog.partition("counted", [str(number)], folder, {"id": "int"})
        catalog.rows["counted"] += [row + (number,) for row in catalog.file(folder, numbers(number))]


def make_codes(catalog: Catalog) -> None:
    """Values of `char(n)` as Hive writes them, without the spaces at their ends, and as Spark does, with
    all that a file has for leaving out rows."""
    values: list[str | None] = [f"k{number}" for number in range(CODES)]
    values[500:510] = [f"{value:5}" for value in values[500:510]]
    values[998:] = ["k998 is too long", None]
    written = pyarrow.table({"id": range(CODES), "code": values, "wide": values, "str": values})
    columns = {"id": "bigint", "code": "char(5)", "wide": "char(20)", "str": "string"}
    catalog.table("codes", columns)
    catalog.rows["codes"] = catalog.file(
        "codes", written, row_group_size=100, max_rows_per_page=10, write_batch_size=10, write_page_index=True,
        bloom_filter_options={"code": True, "wide": True},
    )


def make_codes_by_kind(catalog: Catalog) -> None:
    catalog.table("codes_by_kind", {"id": "int"}, {"kind": "char(3)"})
    for number, kind in enumerate(["a", "b  ", "größe", NULL]):
        folder = f"codes_by_kind/{number}"
        catalog.partition("codes_by_kind", [kind], folder, {"id": "int"})
        known = None if kind == NULL else kind
        catalog.rows["codes_by_kind"] += [row + (known,) for row in catalog.file(folder, numbers(number))]


def make_refused(catalog: Catalog) -> None:
    columns = {"id": "int"}
    catalog.table("of_iceberg", columns, Parameters={"table_type": "ICEBERG"})
    catalog.table("of_sales", columns, TableType="VIRTUAL_VIEW", ViewOriginalText="SELECT id FROM sales")
    as_rows = storage("as_rcfile", columns, "org.apache.hadoop.hive.ql.io.RCFileInputFormat")
    catalog.table("as_rcfile", columns, StorageDescriptor=as_rows)
    by_url = storage("by_url", columns, "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat")
    url = "https://me:hunter2@schemas.example/row.avsc?token=hunter2"
    catalog.table("by_url", columns, StorageDescriptor=by_url, Parameters={"avro.schema.url": url})


def make_hollow(catalog: Catalog) -> None:
    """Tables without a file, with one that does not fit, and in a bucket that is not there."""
    catalog.table("hollow", HOLLOW)
    catalog.table("spoiled", HOLLOW)
    catalog.s3.put_object(Bucket=BUCKET, Key="spoiled/part-0.parquet", Body=b"id,name\n1,x\n" * 100)
    # Values that are none of their column's type.
    for table, values in [("in_words", ["7", "seven"]), ("too_large", [7, 3_000_000_000])]:
        catalog.table(table, {"id": "int", "n": "bigint"})
        catalog.file(table, pyarrow.table({"id": values, "n": [1, 2]}))
    elsewhere = storage("t", HOLLOW) | {"Location": "s3://no-such-bucket/t"}
    catalog.table("adrift", HOLLOW, StorageDescriptor=elsewhere)


def numbers(*values: int) -> pyarrow.Table:
    return pyarrow.table({"id": list(values)}, schema=pyarrow.schema([("id", pyarrow.int32())]))
