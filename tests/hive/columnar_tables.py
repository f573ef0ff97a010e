"""Tables of the formats that compress inside: ORC, Avro and Parquet, written and read by Hive's SerDes."""

from writer import Writer

# Numbers at the ends of their types, texts that are empty or no ASCII, and a row of nulls. Not the last second before
# 1970: Java's writer of ORC moves it by one (ORC-763).
TYPES = (
    "b boolean, t tinyint, s smallint, i int, l bigint, f float, d double, dec decimal(38,10), small decimal(5,2), "
    "str string, c char(5), v varchar(10), bin binary, dt date, ts timestamp"
)
ROWS_OF_TYPES = """
    (true, 127Y, 32767S, 2147483647, 9223372036854775807, 1.5F, 2.5D, 1234567890123456789012345678.0123456789BD,
     -1.25BD, 'größe', 'abcde', 'varchar', X'00FF', DATE'2024-02-29', TIMESTAMP'2024-02-29 12:34:56.789012'),
    (false, -128Y, -32768S, -2147483648, -9223372036854775808, -0.5F, 1e300D, 0BD, 0BD, '', 'zwölf', '', X'', DATE'1970-01-01',
     TIMESTAMP'1970-01-01 00:00:00'),
    (true, 0Y, 0S, 0, 0, 0.25F, -1e-300D, -0.0000000001BD, 999.99BD, ' a ', 'größe', 'größe', X'C3', DATE'1900-01-01',
     TIMESTAMP'1969-12-31 23:59:58.999999'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""
NESTED = "id int, items array<int>, prices map<string,decimal(5,2)>, place struct<city:string,zip:int>, parts array<struct<n:int,names:array<string>>>"
ROWS_OF_NESTED = """
    SELECT 1 id, array(1, NULL, 3) items, map('a', 1.50BD, 'b', NULL) prices, named_struct('city', 'Paris', 'zip', 75000) place,
        array(named_struct('n', 7, 'names', array('x', NULL)), NULL) parts
    UNION ALL SELECT 2, array(), map(), NULL, array()
    UNION ALL SELECT 3, NULL, NULL, named_struct('city', NULL, 'zip', NULL), NULL
    UNION ALL SELECT 4, array(NULL), map('', 0BD), named_struct('city', '', 'zip', 0), array(named_struct('n', NULL, 'names', NULL))
"""
ORC_COMPRESSIONS = ("NONE", "ZLIB", "SNAPPY", "ZSTD", "LZ4")
AVRO_COMPRESSIONS = ("deflate", "snappy", "bzip2", "zstandard")

# What Avro's SerDe has no type of its own for is left out.
AVRO_TYPES = (
    "b boolean, i int, l bigint, f float, d double, dec decimal(38,10), small decimal(5,2), str string, c char(5), "
    "v varchar(10), bin binary, dt date, ts timestamp"
)

QUERIES = [
    *(f"SELECT * FROM formats.{table} ORDER BY l" for table in ("orc_types", "parquet_types", "avro_types")),
    "SELECT c, v, str FROM formats.orc_types WHERE str = ' a ' OR v = 'größe'",
    "SELECT l FROM formats.orc_types WHERE ts < TIMESTAMP'1970-01-01 00:00:00'",
    "SELECT l FROM formats.orc_types WHERE dec < 0 ORDER BY l",
    "SELECT l FROM formats.orc_types WHERE dt IS NULL",
    "SELECT count(*), count(b), sum(i), min(dt), max(str) FROM formats.orc_types",
    *(
        f"SELECT id, items[0], cardinality(items), prices['a'], cardinality(prices), place.city, place.zip, "
        f"parts[0]['n'], parts[0]['names'][0] FROM formats.{table} ORDER BY id"
        for table in ("orc_nested", "parquet_nested", "avro_nested")
    ),
    *(f"SELECT id FROM formats.{table} WHERE place IS NULL" for table in ("orc_nested", "parquet_nested", "avro_nested")),
    "SELECT * FROM formats.orc_evolved ORDER BY id",
    "SELECT id FROM formats.orc_evolved WHERE name IS NULL ORDER BY id",
    "SELECT * FROM formats.orc_positional ORDER BY id",
    "SELECT * FROM formats.orc_col0 ORDER BY id",
    "SELECT name FROM formats.orc_col0 WHERE id = 2",
    *(f"SELECT count(*), sum(id), min(name), max(name) FROM formats.orc_{kind.lower()} WHERE id % 7 = 3" for kind in ORC_COMPRESSIONS),
    *(f"SELECT count(*), sum(id), min(name), max(name) FROM formats.avro_{kind} WHERE id % 7 = 3" for kind in AVRO_COMPRESSIONS),
    "SELECT * FROM formats.orc_berlin ORDER BY id",
    "SELECT * FROM formats.parquet_berlin ORDER BY id",
    "SELECT * FROM formats.parquet_native_berlin ORDER BY id",
    "SELECT * FROM formats.avro_evolved ORDER BY id",
    "SELECT * FROM formats.avro_by_schema ORDER BY id",
    "SELECT * FROM formats.parquet_positional ORDER BY first_name",
    "SELECT * FROM formats.parquet_widened ORDER BY id",
    "SELECT id FROM formats.parquet_widened WHERE f > 1 ORDER BY id",
    "SELECT orderid, shipto.zipcode, lines[0]['lineno'] FROM formats.parquet_capitals ORDER BY orderid",
    "SELECT orderid FROM formats.parquet_capitals WHERE region = 'EU' AND shipto.zipcode > 0",
    "SELECT id, name FROM formats.parquet_bloom WHERE name = 'name 4711'",
    "SELECT id, name FROM formats.parquet_bloom WHERE name = 'name 4711x'",
    "SELECT count(*), min(name) FROM formats.parquet_bloom WHERE id BETWEEN 990 AND 1210",
]


def write(writer: Writer) -> None:
    orc(writer)
    avro(writer)
    parquet(writer)


def orc(writer: Writer) -> None:
    writer.sql(f"CREATE TABLE orc_types ({TYPES}) STORED AS ORC", f"INSERT INTO orc_types VALUES {ROWS_OF_TYPES}")
    writer.sql(f"CREATE TABLE orc_nested ({NESTED}) STORED AS ORC", f"INSERT INTO orc_nested {ROWS_OF_NESTED}")
    for kind in ORC_COMPRESSIONS:
        writer.sql(
            f"CREATE TABLE orc_{kind.lower()} (id bigint, name string) STORED AS ORC TBLPROPERTIES ('orc.compress' = '{kind}')",
            f"INSERT INTO orc_{kind.lower()} SELECT id, concat('name ', id) FROM range(20000)",
        )
    # Only Hive itself changes a column's type.
    writer.sql("CREATE TABLE orc_evolved (id int, f float) STORED AS ORC", "INSERT INTO orc_evolved VALUES (1, 1.5), (2, NULL)")
    writer.hive("ALTER TABLE orc_evolved CHANGE COLUMN id id bigint", "ALTER TABLE orc_evolved CHANGE COLUMN f f double")
    writer.sql("ALTER TABLE orc_evolved ADD COLUMNS (name string)", "INSERT INTO orc_evolved VALUES (5000000000, 1e300, 'three')")
    writer.sql(
        "CREATE TABLE orc_positional (key int, value string) STORED AS ORC TBLPROPERTIES ('orc.force.positional.evolution' = 'true')",
        "INSERT INTO orc_positional VALUES (1, 'one'), (2, NULL)",
    )
    writer.hive(
        "ALTER TABLE orc_positional CHANGE COLUMN key id int",
        "ALTER TABLE orc_positional CHANGE COLUMN value name string",
    )
    # As Hive before 2.0 named them.
    rows = writer.spark.sql("SELECT * FROM VALUES (1, 'one'), (2, 'two'), (3, NULL) AS t (_col0, _col1)")
    writer.external("orc_col0", "id int, name string", "STORED AS ORC", lambda folder: rows.write.orc(folder))
    with writer.zone("Europe/Berlin"):
        writer.sql("CREATE TABLE orc_berlin (id int, ts timestamp) STORED AS ORC", f"INSERT INTO orc_berlin VALUES {TIMES}")


# In summer and in winter, and in a year of Berlin's local mean time.
TIMES = "(1, TIMESTAMP'2024-07-01 12:00:00.123456'), (2, TIMESTAMP'2024-01-01 00:30:00'), (3, TIMESTAMP'1901-01-01 00:00:00'), (4, NULL)"


def avro(writer: Writer) -> None:
    kept = "b, i, l, f, d, dec, small, str, c, v, bin, dt, ts"
    writer.sql(f"CREATE TABLE avro_types ({AVRO_TYPES}) STORED AS AVRO", f"INSERT INTO avro_types SELECT {kept} FROM orc_types")
    writer.sql(f"CREATE TABLE avro_nested ({NESTED}) STORED AS AVRO", f"INSERT INTO avro_nested {ROWS_OF_NESTED}")
    for kind in AVRO_COMPRESSIONS:
        with writer.settings({"hive.exec.compress.output": "true", "avro.output.codec": kind}):
            writer.sql(
                f"CREATE TABLE avro_{kind} (id bigint, name string) STORED AS AVRO",
                f"INSERT INTO avro_{kind} SELECT id, concat('name ', id) FROM range(20000)",
            )
    writer.sql("CREATE TABLE avro_evolved (id int) STORED AS AVRO", "INSERT INTO avro_evolved VALUES (1)")
    writer.hive("ALTER TABLE avro_evolved ADD COLUMNS (name string)")
    writer.sql("INSERT INTO avro_evolved VALUES (2, 'two')")
    fields = '{"name": "id", "type": "int"}, {"name": "level", "type": {"type": "enum", "name": "Level", "symbols": ["LOW", "HIGH"]}}'
    schema = '{"type": "record", "name": "Row", "fields": [%s]}'
    writer.sql(
        f"CREATE TABLE avro_by_schema STORED AS AVRO TBLPROPERTIES ('avro.schema.literal' = '{schema % fields}')",
        "INSERT INTO avro_by_schema VALUES (1, 'LOW'), (2, 'HIGH')",
    )
    # Rows that were there before take the default of the schema.
    fields += ', {"name": "note", "type": "string", "default": "none yet"}'
    writer.sql(f"ALTER TABLE avro_by_schema SET TBLPROPERTIES ('avro.schema.literal' = '{schema % fields}')")


def parquet(writer: Writer) -> None:
    writer.sql(f"CREATE TABLE parquet_types ({TYPES}) STORED AS PARQUET", f"INSERT INTO parquet_types VALUES {ROWS_OF_TYPES}")
    writer.sql(f"CREATE TABLE parquet_nested ({NESTED}) STORED AS PARQUET", f"INSERT INTO parquet_nested {ROWS_OF_NESTED}")
    writer.sql(
        "CREATE TABLE parquet_positional (a string, b int) STORED AS PARQUET",
        "INSERT INTO parquet_positional VALUES ('ann', 1), ('bob', NULL)",
        "ALTER TABLE parquet_positional SET SERDEPROPERTIES ('parquet.column.index.access' = 'true')",
    )
    writer.hive(
        "ALTER TABLE parquet_positional CHANGE COLUMN a first_name string",
        "ALTER TABLE parquet_positional CHANGE COLUMN b age int",
    )
    writer.sql(
        "CREATE TABLE parquet_widened (id int, f float, t tinyint, m decimal(5,2)) STORED AS PARQUET",
        "INSERT INTO parquet_widened VALUES (1, 1.5, 7, 1.25), (2, NULL, NULL, NULL)",
    )
    writer.hive(
        "ALTER TABLE parquet_widened CHANGE COLUMN id id bigint",
        "ALTER TABLE parquet_widened CHANGE COLUMN f f double",
        "ALTER TABLE parquet_widened CHANGE COLUMN t t int",
        "ALTER TABLE parquet_widened CHANGE COLUMN m m decimal(12,4)",
    )
    writer.sql("INSERT INTO parquet_widened VALUES (5000000000, 1e300, 70000, 12345678.1234)")

    orders = writer.spark.sql(
        "SELECT 1 OrderId, 'EU' Region, named_struct('zipCode', 75000) shipTo, array(named_struct('lineNo', 7)) Lines "
        "UNION ALL SELECT 2, 'US', NULL, array()"
    )
    columns = "orderid int, region string, shipto struct<zipcode:int>, lines array<struct<lineno:int>>"
    writer.external("parquet_capitals", columns, "STORED AS PARQUET", lambda folder: orders.write.parquet(folder))

    with writer.zone("Europe/Berlin"):
        writer.sql("CREATE TABLE parquet_berlin (id int, ts timestamp) STORED AS PARQUET", f"INSERT INTO parquet_berlin VALUES {TIMES}")
        times = writer.spark.sql(f"SELECT * FROM VALUES {TIMES} AS t (id, ts)")
        with writer.settings({"spark.sql.parquet.outputTimestampType": "INT96"}):
            writer.external("parquet_native_berlin", "id int, ts timestamp", "STORED AS PARQUET", lambda folder: times.write.parquet(folder))

    named = writer.spark.range(0, 20_000, 1, 2).selectExpr("id", "concat('name ', id) name")
    with_filters = {"parquet.bloom.filter.enabled#name": "true", "parquet.page.row.count.limit": "200"}
    writer.external(
        "parquet_bloom", "id bigint, name string", "STORED AS PARQUET",
        lambda folder: named.write.options(**with_filters).parquet(folder),
    )
