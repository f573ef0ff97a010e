"""Writes the tables of the Hive tests with Spark, and what Spark itself reads from them.

    write_tables.py FOLDER JARS

makes FOLDER/warehouse, FOLDER/derby (a metastore of Hive 2.3) and FOLDER/expected.json: for each query
of `queries.json`, and of the modules of the database `formats`, the rows that Spark answers. JARS is a folder of
SerDes that Spark lacks.
"""

import datetime
import decimal
import json
import math
import os
import re
import sys
from pathlib import Path

# Times are wall time in the client's zone to Spark's Python side.
os.environ["TZ"] = "UTC"

from pyspark.sql import SparkSession  # noqa: E402

import columnar_tables  # noqa: E402
import placed_tables  # noqa: E402
import text_tables  # noqa: E402
from writer import THROUGH_HIVE, Writer  # noqa: E402

# Each builds on the tables of those before it.
FORMATS = (columnar_tables, text_tables, placed_tables)

HERE = Path(__file__).parent

# Partitions of the table `many`, which has rows in two of them.
MANY = 10_000
# In one statement.
ADDED_AT_ONCE = 1_000

STATEMENTS = """
CREATE DATABASE market COMMENT 'fruit and more'
USE market
CREATE TABLE types (b boolean, t tinyint, s smallint, i int, l bigint, f float, d double, dec decimal(38,10),
    small decimal(5,2), str string, c char(5), v varchar(10), bin binary, dt date, ts timestamp) STORED AS PARQUET
INSERT INTO types VALUES
    (true, 127Y, 32767S, 2147483647, 9223372036854775807, 1.5F, 2.5D, 1234567890123456789012345678.0123456789BD,
     -1.25BD, 'größe', 'abcde', 'varchar', X'00FF', DATE'2024-02-29', TIMESTAMP'2024-02-29 12:34:56.789012'),
    (false, -128Y, -32768S, -2147483648, -9223372036854775808, -0.0F, 1e300D, 0BD, 0BD, '', 'zwölf', '', X'', DATE'1970-01-01',
     TIMESTAMP'1970-01-01 00:00:00'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
CREATE TABLE nested (id int, items array<int>, prices map<string,decimal(5,2)>, place struct<city:string,zip:int>) STORED AS PARQUET
INSERT INTO nested VALUES (1, array(1, NULL, 3), map('a', 1.50BD), named_struct('city', 'Paris', 'zip', 75000)), (2, array(), map(), NULL)
CREATE TABLE sales (id int, amount decimal(10,2)) PARTITIONED BY (year int, city string) STORED AS PARQUET
INSERT INTO sales PARTITION (year, city) VALUES (1, 1.00BD, 2023, 'Rome'), (2, 2.50BD, 2023, 'São Paulo/SP'), (3, 3.25BD, 2024, 'a=b%20'),
    (4, 4.00BD, 2024, 'Rome'), (5, 5.00BD, NULL, 'Rome'), (6, 6.00BD, 2024, NULL)
INSERT INTO sales PARTITION (year, city) VALUES (7, 7.00BD, 2025, 'moved')
CREATE TABLE evolved (id int) STORED AS PARQUET
INSERT INTO evolved VALUES (1)
CREATE VIEW of_evolved AS SELECT * FROM evolved
ALTER TABLE evolved ADD COLUMNS (name string COMMENT 'came later')
INSERT INTO evolved VALUES (2, 'two')
CREATE TABLE native (id bigint, name string, day date) USING parquet PARTITIONED BY (day)
INSERT INTO native VALUES (1, 'one', DATE'2024-01-01'), (2, 'two', DATE'2024-01-02')
CREATE TABLE camelCase (orderId int, shipTo struct<zipCode:int,lineItems:array<struct<lineNo:int>>>, Region string) USING parquet PARTITIONED BY (Region)
INSERT INTO camelCase VALUES (1, named_struct('zipCode', 75000, 'lineItems', array(named_struct('lineNo', 7))), 'EU'), (2, NULL, 'US')
CREATE TABLE as_orc (id int) STORED AS ORC
CREATE TABLE as_text (id int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE
CREATE TABLE of_source_csv (id int) USING csv
CREATE TABLE iceberg_by_name (id int) STORED AS PARQUET TBLPROPERTIES ('table_type' = 'ICEBERG')
CREATE TABLE many (id int) PARTITIONED BY (p int) STORED AS PARQUET
CREATE VIEW of_sales AS SELECT id FROM sales
CREATE VIEW by_city (town COMMENT 'where', total, mean, orders) AS
    SELECT city, sum(amount) AS s, avg(amount) AS a, count(*) AS c FROM market.sales WHERE year >= 2023 GROUP BY city
CREATE VIEW of_views AS SELECT o.id, upper(s.city) AS town, if(s.year = 2024, "leap", concat('year ', CAST(s.year AS string))) AS kind, s.id / 4 AS quarter
    FROM of_sales o JOIN spark_catalog.market.sales s ON o.id == s.id WHERE s.city LIKE 'R%' OR o.id IN (SELECT id FROM of_evolved)
CREATE VIEW with_rank AS SELECT id, rank() OVER (ORDER BY id) AS place FROM sales
""".strip()


def statements():
    """A line that begins with white space goes on with the one before."""
    return STATEMENTS.replace("\n    ", " ").splitlines()


def cell(value, of_type):
    """A value as JSON has it; the tests write those of their driver in the same way."""
    match value:
        case bool():
            return int(value)
        case decimal.Decimal():
            # Hive tells some with more zeros than their type has.
            return format(value, f".{of_type.scale}f")
        case float() if not math.isfinite(value):
            return str(value)
        case datetime.date():
            return str(value)
        case bytes() | bytearray():
            return bytes(value).hex()
        case _:
            return value


def main():
    folder, jars = (Path(argument).resolve() for argument in sys.argv[1:])
    warehouse = folder / "warehouse"
    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.warehouse.dir", f"file://{warehouse}")
        .config("spark.hadoop.javax.jdo.option.ConnectionURL", f"jdbc:derby:{folder}/derby;create=true")
        .config("spark.hadoop.hive.exec.dynamic.partition.mode", "nonstrict")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.extraClassPath", f"{jars}/*")
        .config("spark.driver.extraJavaOptions", f"-Dderby.stream.error.file={folder}/derby.log")
        .enableHiveSupport()
    )
    spark = builder.getOrCreate()
    # A line for each file that it reads and writes tells nothing.
    spark.sparkContext.setLogLevel("ERROR")
    expected = market(spark, folder) | formats(spark, folder)
    spark.stop()
    # Last: a folder without it was interrupted, and is made anew.
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False, allow_nan=False))


def market(spark, folder):
    for statement in statements():
        spark.sql(statement)
    # One partition lies elsewhere than under its table.
    moved = folder / "elsewhere"
    (folder / "warehouse/market.db/sales/year=2025/city=moved").rename(moved)
    spark.sql(f"ALTER TABLE market.sales PARTITION (year = 2025, city = 'moved') SET LOCATION 'file://{moved}'")
    for first in range(0, MANY, ADDED_AT_ONCE):
        parts = " ".join(f"PARTITION (p = {p})" for p in range(first, first + ADDED_AT_ONCE))
        spark.sql(f"ALTER TABLE market.many ADD {parts}")
    spark.sql("INSERT INTO market.many PARTITION (p) VALUES (1, 77), (2, 78)")
    return {query: answer(spark, query) for query in json.loads((HERE / "queries.json").read_text())}


def formats(spark, folder):
    spark.sql("CREATE DATABASE formats COMMENT 'a table of each format'")
    spark.sql("USE formats")
    writer = Writer(spark, folder)
    expected = {}
    with writer.settings(THROUGH_HIVE):
        for module in FORMATS:
            module.write(writer)
            for query in module.QUERIES:
                asked = query
                for table, instead in getattr(module, "READ_INSTEAD", {}).items():
                    asked = re.sub(rf"\b{table}\b", instead, asked)
                expected[query] = answer(spark, asked)
    return expected


def answer(spark, query):
    rows = spark.sql(query)
    return [[cell(value, field.dataType) for value, field in zip(row, rows.schema)] for row in rows.collect()]


if __name__ == "__main__":
    main()
