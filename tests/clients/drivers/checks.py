"""The checks of `drivers.py` for a driver of Python's DB-API. A program gives an `Adapter`."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# How long something may take that takes a moment.
PATIENCE_S = 30
POLL_S = 0.02


def told(name: str) -> str:
    return os.environ[f"MOORING_TEST_{name}"]


def lines(file: str) -> list[list[str]]:
    text = (Path(told("FOLDER")) / file).read_text()
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def escaped(text: object) -> str:
    return str(text).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


class Adapter:
    """What differs between drivers. `prepares` is whether there are prepared statements."""

    prepares = True
    # A cancel between a driver's prepare and its execute ends neither.
    cancel_again_s: float = PATIENCE_S
    error: type[Exception] | tuple[type[Exception], ...]

    def connect(self, password: str, database: str | None = None): ...

    def number(self, error: Exception) -> int:
        """The server's error number."""
        return error.args[0]

    def cursor(self, connection, prepared: bool):
        return connection.cursor()

    def case(self, sql: str, prepared: bool) -> tuple[str, Sequence[object]]:
        """The statement that asks for a case, and its parameters."""
        return sql, ()

    def prepared_sql(self, sql: str) -> str:
        """A statement with `?` as the driver writes it."""
        return sql.replace("?", "%s")

    def facets(self, cursor) -> dict[str, object]:
        """What the driver tells of the first column."""
        return {"type": cursor.description[0][1]}

    def cancel(self, connection, number: int) -> None:
        """Ends the statement that another thread runs on `connection`, whose number the server says:
        with KILL, where the driver has no way of its own."""
        with contextlib.closing(self.connect(told("PASSWORD"))) as other:
            execute(self, other, f"KILL QUERY {number}")

    def run(self, check: "Checks") -> None:
        """More checks of this driver alone."""


def execute(adapter: Adapter, connection, sql: str) -> list[tuple]:
    cursor = adapter.cursor(connection, False)
    try:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
    finally:
        cursor.close()


class Checks:
    def __init__(self, adapter: Adapter):
        self.adapter = adapter
        self.failed = False

    def check(self, name: str, body: Callable[[], None]) -> None:
        try:
            body()
            print(f"ok\t{name}", flush=True)
        except Exception as error:
            self.failed = True
            print(f"failed\t{name}\t{type(error).__name__}: {escaped(error)}", flush=True)

    def open(self, database: str | None = None):
        return contextlib.closing(self.adapter.connect(told("PASSWORD"), database))

    def expect_error(self, number: int, body: Callable[[], object]) -> None:
        try:
            got = body()
        except self.adapter.error as error:
            expect(self.adapter.number(error), number, error)
            return
        raise AssertionError(f"{got!r} instead of error {number}")

    def right_password(self) -> None:
        for _ in range(2):  # the second login is the quick one of caching_sha2_password
            with self.open() as connection:
                expect(execute(self.adapter, connection, "SELECT 7"), [(7,)])

    def wrong_password(self) -> None:
        for password in ("wrong", ""):
            self.expect_error(1045, lambda: self.adapter.connect(password))  # noqa: B023

    def current_database(self) -> None:
        with self.open(told("DATABASE")) as connection:
            expect(execute(self.adapter, connection, "SELECT DATABASE()"), [(told("DATABASE"),)])

    def types(self) -> None:
        with self.open() as connection:
            for prepared in [False, True] if self.adapter.prepares else [False]:
                for name, sql in lines("cases.tsv"):
                    facets = self.value(connection, sql, prepared)
                    told_of = "\t".join(f"{facet}={escaped(text)}" for facet, text in facets.items())
                    print(f"value\t{'binary' if prepared else 'text'}\t{name}\t{told_of}")

    def value(self, connection, sql: str, prepared: bool) -> dict[str, object]:
        cursor = self.adapter.cursor(connection, prepared)
        try:
            cursor.execute(*self.adapter.case(sql, prepared))
            facets = self.adapter.facets(cursor)
            ((value,),) = cursor.fetchall()
            return {"value": repr(value), **facets}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
        finally:
            with contextlib.suppress(Exception):
                cursor.close()

    def five_executions(self) -> None:
        with self.open() as connection:
            cursor = self.adapter.cursor(connection, self.adapter.prepares)
            for row in lines("parameters.tsv"):
                wanted = [None if text == "\\N" else text for text in row]
                first = None if wanted[0] is None else int(wanted[0])
                cursor.execute(self.adapter.prepared_sql(told("PREPARED")), (first, *wanted[1:]))
                (got,) = cursor.fetchall()
                expect([None if value is None else str(value) for value in got], wanted)
            cursor.close()

    def time_limit(self) -> None:
        with self.open() as connection:
            execute(self.adapter, connection, told("LIMIT"))
            self.expect_error(int(told("LIMIT_ERROR")), lambda: execute(self.adapter, connection, told("LONG")))
            self.await_running(False)
            expect(execute(self.adapter, connection, "SELECT 7"), [(7,)])

    def cancel(self) -> None:
        with self.open() as connection:
            ((number,),) = execute(self.adapter, connection, "SELECT CONNECTION_ID()")
            outcome: list[Exception | str] = []

            def run() -> None:
                try:
                    outcome.append(f"rows: {execute(self.adapter, connection, told('LONG'))}")
                except Exception as error:
                    outcome.append(error)

            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            self.await_running(True)
            deadline = time.monotonic() + PATIENCE_S
            while thread.is_alive() and time.monotonic() < deadline:
                self.adapter.cancel(connection, number)
                thread.join(self.adapter.cancel_again_s)
            if not outcome or isinstance(outcome[0], str):
                raise AssertionError(f"not cancelled: {outcome}")
            expect(self.adapter.number(outcome[0]), 1317, outcome[0])
            self.await_running(False)
            expect(execute(self.adapter, connection, "SELECT 7"), [(7,)])

    def await_running(self, wanted: bool) -> None:
        """Until the process list has the long statement, or has it no more."""
        deadline = time.monotonic() + PATIENCE_S
        with self.open() as connection:
            while True:
                rows = execute(self.adapter, connection, "SHOW FULL PROCESSLIST")
                # A driver may prepare first, which a KILL does not always end.
                if any(told("MARKER") in str(row[7]) and row[4] != "Prepare" for row in rows) == wanted:
                    return
                if time.monotonic() > deadline:
                    raise AssertionError(f"still {'not ' * wanted}in the process list: {rows}")
                time.sleep(POLL_S)

    def run(self) -> None:
        self.check("right password", self.right_password)
        self.check("wrong password", self.wrong_password)
        self.check("current database", self.current_database)
        self.check("types", self.types)
        self.check("five executions", self.five_executions)
        self.check("time limit", self.time_limit)
        self.check("cancel", self.cancel)
        self.adapter.run(self)
        sys.exit(1 if self.failed else 0)


def expect(got: object, wanted: object, about: object = "") -> None:
    if got != wanted:
        raise AssertionError(f"{got!r} instead of {wanted!r} {about}")
