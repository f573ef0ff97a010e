"""How the modules of tables speak to Spark, and to the Hive inside it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pyspark.sql import SparkSession

THROUGH_HIVE = {
    # Hive's SerDes write and read what the tests compare with, not Spark's own readers.
    "spark.sql.hive.convertMetastoreParquet": "false",
    "spark.sql.hive.convertMetastoreOrc": "false",
    # Hive is commonly told to read the folders below that of a table; it refuses them otherwise.
    "mapreduce.input.fileinputformat.input.dir.recursive": "true",
    # What the standard says: no list has no number of elements.
    "spark.sql.legacy.sizeOfNull": "false",
}


class Writer:
    """Writes the tables of the database `formats`."""

    def __init__(self, spark: SparkSession, folder: Path):
        self.spark = spark
        self.warehouse = folder / "warehouse" / "formats.db"
        self.external_files = folder / "external"
        self.external_files.mkdir()

    def sql(self, *statements: str) -> None:
        for statement in statements:
            self.spark.sql(statement)

    def hive(self, *statements: str) -> None:
        """Runs what Spark has no statement for in the Hive that it carries."""
        system = self.spark._jvm.java.lang.System
        # Spark lets its own tests do so.
        system.setProperty("spark.testing", "true")
        try:
            for statement in ("USE formats", *statements):
                self._hive_client().runSqlHive(statement)
        finally:
            system.clearProperty("spark.testing")

    def copy_definition(self, table: str, copy: str, change: Callable) -> None:
        """A table or view as another engine would have made it: what the metastore knows of `table`, changed."""
        # The metastore's own client, in Java.
        client = self.spark._jvm.org.apache.hadoop.hive.ql.metadata.Hive.get(self._hive_client().conf()).getMSC()
        definition = client.getTable("formats", table)
        definition.setTableName(copy)
        change(definition)
        client.createTable(definition)

    def _hive_client(self):
        return self.spark._jsparkSession.sharedState().externalCatalog().unwrapped().client()

    def files(self, table: str, columns: str, stored_as: str, files: Mapping[str, bytes], properties: str = "") -> None:
        """A table over files that are written by hand."""
        self.sql(f"CREATE TABLE {table} ({columns}) {stored_as} {properties}")
        for name, content in files.items():
            file = self.warehouse / table / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def external(self, table: str, columns: str, stored_as: str, write: Callable[[str], None]) -> None:
        """A table over a folder that Spark writes without knowing of the table."""
        folder = f"file://{self.external_files / table}"
        write(folder)
        self.sql(f"CREATE EXTERNAL TABLE {table} ({columns}) {stored_as} LOCATION '{folder}'")

    @contextlib.contextmanager
    def settings(self, settings: Mapping[str, str]) -> Iterator[None]:
        before = {name: self.spark.conf.get(name, None) for name in settings}
        for name, value in settings.items():
            self.spark.conf.set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    self.spark.conf.unset(name)
                else:
                    self.spark.conf.set(name, value)

    @contextlib.contextmanager
    def zone(self, name: str) -> Iterator[None]:
        """Spark's time zone and that of its Java, which Hive's writers take."""
        zones = self.spark._jvm.java.util.TimeZone
        before = zones.getDefault()
        zones.setDefault(zones.getTimeZone(name))
        try:
            with self.settings({"spark.sql.session.timeZone": name}):
                yield
        finally:
            zones.setDefault(before)
