"""The tables that are planned: many small Parquet files, flat and in folders of partitions."""

import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow
import pyarrow.parquet

ROWS_OF_FILE = 10
LAYOUTS = ("flat", "partitioned")


@dataclass(frozen=True)
class Table:
    """`root` is a folder of Parquet files, as both engines name it: a path, or `s3://BUCKET/PREFIX`."""

    layout: str
    files: int
    root: str

    @property
    def name(self) -> str:
        return f"{self.layout}_{self.files}"

    @property
    def partitions(self) -> int:
        """As many folders as files in each, for 100,000 files ten times as many."""
        return self.files // files_of_partition(self.files)

    @property
    def pattern(self) -> str:
        return f"{self.root}/{'*/' if self.layout == 'partitioned' else ''}*.parquet"

    @property
    def queries(self) -> dict[str, str]:
        """Of all files, and of those that one value is in: by a file's statistics, or by its folder's name."""
        chosen = f"p = {self.partitions // 2}" if self.layout == "partitioned" else f"id = {self.files * ROWS_OF_FILE // 2}"
        return {"count": "SELECT count(*) FROM {}", "selective": f"SELECT count(*), sum(amount) FROM {{}} WHERE {chosen}"}


def files_of_partition(files: int) -> int:
    """1 of 10, 10 of 1,000, 100 of 100,000."""
    return max(1, math.isqrt(files // 10))


def make(cache: Path, files: int) -> list[Table]:
    """Makes them once. The marker is written last: a folder without it was interrupted and is made anew."""
    folder = cache / "bench" / f"lake{files}"
    tables = [Table(layout, files, str(folder / layout)) for layout in LAYOUTS]
    marker = folder / "written"
    if not marker.exists():
        print(f"writing {files:,} files into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "flat").mkdir(parents=True)
        for number in range(files):
            write(folder / "flat" / f"part-{number:06}.parquet", number)
            # The same file by another name: its partition is in no column of it.
            partition = folder / "partitioned" / f"p={number // files_of_partition(files)}"
            partition.mkdir(parents=True, exist_ok=True)
            os.link(folder / "flat" / f"part-{number:06}.parquet", partition / f"part-{number:06}.parquet")
        marker.touch()
    return tables


def write(file: Path, number: int) -> None:
    ids = range(number * ROWS_OF_FILE, (number + 1) * ROWS_OF_FILE)
    columns = {
        "id": pyarrow.array(ids, pyarrow.int64()),
        "name": pyarrow.array([f"name {id}" for id in ids]),
        "amount": pyarrow.array([id / 4 for id in ids], pyarrow.float64()),
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
