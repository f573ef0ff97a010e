"""Runs Arrow's JDBC driver, plain and in TLS: the programs in flight_sql_jdbc. The argument is the folder of its jar."""

import datetime
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from flight_cases import read_arrow_cases

PROGRAMS = Path(__file__).parent / "flight_sql_jdbc"


def told(case):
    """The text that the Java program compares with."""
    value = case.value
    if value is None:
        return "NULL"
    match value:
        case bool():
            text = str(value).lower()
        case bytes():
            text = value.hex()
        case datetime.datetime():
            text = value.strftime("%Y-%m-%d %H:%M:%S.%f").rjust(26, "0")
        case datetime.time():
            text = value.strftime("%H:%M:%S.%f")
        case float():
            text = repr(value)
        case _:
            text = str(value)
    return text.encode().hex()


def main() -> int:
    [jar] = Path(sys.argv[1]).glob("flight-sql-jdbc-driver-*.jar")
    host, port = os.environ["MOORING_TEST_FLIGHT_SQL"].rsplit(":", 1)
    with tempfile.TemporaryDirectory() as name:
        classes, cases = Path(name) / "classes", Path(name) / "cases.tsv"
        scalar = [case for case in read_arrow_cases() if not isinstance(case.value, (list, dict))]
        lines = ["\t".join([case.name, case.kind, case.sql.encode().hex(), told(case)]) for case in scalar]
        cases.write_text("\n".join(lines) + "\n")
        subprocess.run(["javac", "-d", classes, "--class-path", jar, *PROGRAMS.glob("*.java")], check=True)
        # Arrow's buffers reach into the JDK ("Java: Getting Started", section "Java Compatibility").
        java = ["java", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-Duser.timezone=UTC", "--class-path", f"{jar}:{classes}"]
        codes = [subprocess.run([*java, "FlightSql", host, port, kind, cases]).returncode for kind in ("plain", "tls")]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
