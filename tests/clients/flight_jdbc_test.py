"""Runs Arrow's JDBC driver, plain and in TLS: flight_sql_jdbc/FlightSql.java. The argument is the folder of its jar."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "flight_sql_jdbc" / "FlightSql.java"


def main() -> int:
    [jar] = Path(sys.argv[1]).glob("flight-sql-jdbc-driver-*.jar")
    host, port = os.environ["MOORING_TEST_FLIGHT_SQL"].rsplit(":", 1)
    # Arrow's buffers reach into the JDK ("Java: Getting Started", section "Java Compatibility").
    java = ["java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "--class-path", jar, PROGRAM]
    codes = [subprocess.run([*java, host, port, kind]).returncode for kind in ("plain", "tls")]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
