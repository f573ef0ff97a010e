"""One full read by a peer, in a process of its own: prints its seconds, rows and peak of resident memory as JSON.

    peer.py adbc|connectorx URI SQL CONNECTIONS COLUMN

All rows end up in memory as Arrow, as the peer's own call leaves them. Two connections read ranges of COLUMN.
"""

import json
import resource
import sys
import time


def adbc(uri: str, sql: str, _connections: int, _column: str):
    import adbc_driver_postgresql.dbapi

    def read():
        with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetch_arrow_table()

    return read


def connectorx(uri: str, sql: str, connections: int, column: str):
    import connectorx
    import pyarrow  # noqa: F401  (what connectorx brings in at its first use)

    ranges = {"partition_on": column, "partition_num": connections} if connections > 1 else {}
    return lambda: connectorx.read_sql(uri, sql, return_type="arrow", protocol="binary", **ranges)


def main() -> None:
    kind, uri, sql, connections, column = sys.argv[1:]
    read = {"adbc": adbc, "connectorx": connectorx}[kind](uri, sql, int(connections), column)
    start = time.perf_counter()
    table = read()
    seconds = time.perf_counter() - start
    # In KiB on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(json.dumps({"seconds": seconds, "rows": table.num_rows, "columns": table.num_columns, "peak_bytes": peak}))


if __name__ == "__main__":
    main()
