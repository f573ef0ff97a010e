"""Catalogs that statements define: across restarts and coordinators, their secrets, and what is left of dropped ones.

Numbers: MySQL 8.0 Error Message Reference.
"""

import contextlib
import re
import socket
import stat
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import mysql.connector
import pymysql
from pymysql.constants import CLIENT

import counted
import postgresql_server
from server import REPOSITORY, binary, processes

FRUIT = REPOSITORY / "tests" / "data" / "parquet" / "fruit.parquet"
# Port 1 has no listener.
NOWHERE = "thrift://127.0.0.1:1"
# What an allocator keeps goes up and down by 8 MiB here and does not grow; 10 KiB of each catalog would.
CATALOGS = 2_000
GROWTH_MAX_BYTES = CATALOGS * 10 * 2**10
AWAIT_S = 60
POLL_S = 0.05


def connect(cluster, user="root", **more):
    return pymysql.connect(host=cluster.host, port=cluster.port, user=user, ssl_disabled=True, **more)


@contextlib.contextmanager
def cursor_of(cluster, **more):
    with connect(cluster, **more) as connection, connection.cursor() as cursor:
        yield cursor


def rows(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchall()


def await_rows(cursor, sql, wanted):
    """How long it took until the rows are those."""
    begun = time.monotonic()
    while (found := rows(cursor, sql)) != wanted:
        if time.monotonic() > begun + AWAIT_S:
            raise AssertionError(f"{sql}: {found} after {AWAIT_S} s instead of {wanted}")
        time.sleep(POLL_S)
    return time.monotonic() - begun


class Test(unittest.TestCase):
    def folder(self):
        return Path(self.enterContext(tempfile.TemporaryDirectory()))

    def assert_error(self, number, cursor, sql):
        with self.assertRaises(pymysql.MySQLError) as caught:
            cursor.execute(sql)
        self.assertEqual(caught.exception.args[0], number, caught.exception)
        return caught.exception.args[1]


class OneNode(Test):
    def test_definitions_are_there_after_a_restart(self):
        folder = self.folder()
        with processes.Cluster(binary(), folder) as cluster, cursor_of(cluster) as cursor:
            cursor.execute(f"CREATE CATALOG metas USING hive COMMENT 'theirs' WITH (uris = '{NOWHERE}', s3_access_key = 'AK', s3_secret_key = 'SK') NOVERIFY")
            cursor.execute("CREATE CATALOG mine USING lake")
            cursor.execute("CREATE SCHEMA mine.s")
            cursor.execute(f"CREATE EXTERNAL TABLE mine.s.fruit STORED AS PARQUET LOCATION '{FRUIT}'")
            cursor.execute("CREATE CATALOG short USING tpch")
            cursor.execute("DROP CATALOG short")
            listed = "SELECT catalog_name, kind, catalog_id, version, comment, problem FROM system.metadata.catalogs WHERE defined_by = 'sql' ORDER BY 1"
            before = rows(cursor, listed), rows(cursor, "SHOW CREATE CATALOG metas")
        key = folder / "state" / "secrets-key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        with processes.Cluster(binary(), folder) as cluster, cursor_of(cluster) as cursor:
            self.assertEqual((rows(cursor, listed), rows(cursor, "SHOW CREATE CATALOG metas")), before)
            self.assertEqual(
                before[1][0][1],
                f"CREATE CATALOG `metas` USING hive COMMENT 'theirs' WITH (s3_access_key = '***', s3_secret_key = '***', uris = '{NOWHERE}')",
            )
            self.assertEqual(rows(cursor, "SELECT count(*) FROM mine.s.fruit"), ((4,),))
            # The keys were read back: a change that keeps them is possible.
            cursor.execute("ALTER CATALOG metas SET (timeout_ms = 100) NOVERIFY")
        # Without its key a secret is lost, and nothing else.
        key.unlink()
        with processes.Cluster(binary(), folder) as cluster, cursor_of(cluster) as cursor:
            problems = dict(rows(cursor, "SELECT catalog_name, problem FROM system.metadata.catalogs WHERE defined_by = 'sql'"))
            self.assertIsNone(problems["mine"])
            self.assertIn("s3_access_key", problems["metas"])
            self.assertEqual(rows(cursor, "SELECT count(*) FROM mine.s.fruit"), ((4,),))
            self.assertIn("s3_access_key", self.assert_error(1105, cursor, "SHOW DATABASES FROM metas"))
            cursor.execute("ALTER CATALOG metas SET (s3_access_key = 'AK', s3_secret_key = 'SK') NOVERIFY")
            problem = rows(cursor, "SELECT problem FROM system.metadata.catalogs WHERE catalog_name = 'metas'")
            self.assertEqual(problem, ((None,),))

    def test_readers_see_and_do_not_define(self):
        with processes.Cluster(binary(), self.folder()) as cluster, cursor_of(cluster) as root:
            root.execute("CREATE CATALOG seen USING tpch")
            root.execute("CREATE USER ana")
            with cursor_of(cluster, user="ana") as ana:
                self.assertEqual(rows(ana, "SHOW CATALOGS LIKE 'seen'"), (("seen",),))
                self.assertEqual(rows(ana, "SHOW CREATE CATALOG seen")[0][1], "CREATE CATALOG `seen` USING tpch")
                self.assertEqual(rows(ana, "SELECT count(*) FROM seen.tiny.region"), ((5,),))
                for statement in (
                    "CREATE CATALOG other USING tpch",
                    "CREATE CATALOG IF NOT EXISTS seen USING tpch",
                    "ALTER CATALOG seen SET (a = 1)",
                    "ALTER CATALOG seen RESET (a)",
                    "ALTER CATALOG seen RENAME TO other",
                    "COMMENT ON CATALOG seen IS 'x'",
                    "DROP CATALOG seen",
                    "DROP CATALOG IF EXISTS nothing",
                ):
                    with self.subTest(statement):
                        self.assertIn("administrator", self.assert_error(1227, ana, statement))

    def test_catalogs_of_the_configuration_are_changed_there(self):
        folder = self.folder()
        section = f'[[catalog]]\nname = "configured"\nusing = "hive"\nuris = "{NOWHERE}"\ns3_access_key = "AK"\ns3_secret_key = "hidden-word"\n'
        (folder / "mooring.toml").write_text(section)
        with processes.Cluster(binary(), folder) as cluster, cursor_of(cluster) as cursor:
            for number, statement in (
                (1007, "CREATE CATALOG configured USING tpch"),
                (1007, "CREATE CATALOG IF NOT EXISTS Configured USING tpch"),
                (1210, "ALTER CATALOG configured SET (timeout_ms = 1) NOVERIFY"),
                (1210, "ALTER CATALOG configured RENAME TO other"),
                (1210, "COMMENT ON CATALOG configured IS 'x'"),
                (1210, "DROP CATALOG configured"),
            ):
                with self.subTest(statement):
                    self.assertIn("`[[catalog]]`", self.assert_error(number, cursor, statement))
            shown = rows(cursor, "SHOW CREATE CATALOG configured")[0][1]
            self.assertIn(NOWHERE, shown)
            self.assertNotIn("hidden-word", shown)
        # Gone from the configuration, its name is free; come back, it is told who has it.
        (folder / "mooring.toml").unlink()
        with processes.Cluster(binary(), folder) as cluster, cursor_of(cluster) as cursor:
            cursor.execute("CREATE CATALOG configured USING tpch")
        (folder / "mooring.toml").write_text(section)
        with self.assertRaises(processes.ProcessFailed) as caught:
            processes.Cluster(binary(), folder)
        self.assertIn("DROP CATALOG", str(caught.exception))


class Secrets(Test):
    MARKER = "marker9f3c"
    # Both get into the store, sealed.
    RIGHT = (
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key = '{marker}')",
        "/* first */ create\n catalog `{name}` using LAKE with (`s3_access_key`=\"{marker}\", 'S3_SECRET_KEY' = \"{marker}\") noverify;",
        "/*!50000 CREATE */ CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key /* so */ = '{marker}')",
        "-- CREATE CATALOG x WITH (s3_secret_key = '{marker}')\nCREATE CATALOG {name} -- {marker}\nUSING lake # {marker}\nWITH (s3_access_key = '{marker}''', s3_secret_key = '\\'{marker}')",
    )
    WRONG = (
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key = '{marker}'",
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key = '{marker}",
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key = {marker})",
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK' s3_secret_key = '{marker}')",
        "CREATE CATALOG {name} USING lake WITH (s3_secret_key = 'a' '{marker}')",
        "CREATE CATALOG {name} USING lake WITH (s3_secret_key = '{marker}')",
        "CREATE CATALOG {name} USING lake WITH (s3_access_key = 'AK', s3_secret_key = '{marker}', s3_region = 5, s3_path_style = 'maybe')",
        "CREATE CATALOG {name} USING lake WITH s3_secret_key '{marker}'",
        "CREATE CATALOG {name} USING '{marker}",
        "CREATE CATALOG {name} PASSWORD '{marker}'",
        "CREATE CATALOG `{name}` '{marker}'",
        "CREATE CATALOG {name} USING hive WITH (s3_access_key = 'AK', s3_secret_key = '{marker}', uris = 'thrift://127.0.0.1:1')",
        "CREATE CATALOG {name} USING tpch WITH (password = '{marker}')",
        "CREATE OR REPLACE CATALOG {name} USING lake WITH (s3_secret_key = '{marker}')",
        "CREATE CATALOGS {name} USING lake WITH (s3_secret_key = '{marker}')",
        "CREAT CATALOG {name} USING lake WITH (s3_secret_key = '{marker}')",
        "CREATE CTALOG {name} USING lake WITH (s3_secret_key = '{marker}')",
        "EXPLAIN CREATE CATALOG {name} USING lake WITH (s3_secret_key = '{marker}')",
        "PREPARE s FROM 'CREATE CATALOG {name} USING lake WITH (s3_secret_key = ''{marker}'')'",
        "SELECT 1; CREATE CATALOG {name} USING lake WITH (s3_secret_key = '{marker}'",
        "ALTER CATALOG kept SET (s3_secret_key = '{marker}'",
        "ALTER CATALOG kept SET s3_secret_key = '{marker}'",
        "ALTER CATALOG kept SET (s3_secret_key = '{marker}', nothing = 1)",
        "ALTER CATALOG nowhere SET (s3_secret_key = '{marker}')",
    )

    def test_a_secret_is_shown_nowhere(self):
        folder = self.folder()
        seen = []
        settings = {"log.filter": "info,mooring=debug,sqlx=debug"}
        with processes.Cluster(binary(), folder, 0, settings) as cluster:
            with cursor_of(cluster, client_flag=CLIENT.MULTI_STATEMENTS) as cursor, cursor_of(cluster) as watcher:
                cursor.execute("CREATE CATALOG kept USING lake WITH (s3_access_key = 'AK', s3_secret_key = 'first')")
                self.run_all(cursor, watcher, seen)
                self.prepared(cluster)
                with self.hanging() as port:
                    self.while_it_runs(cluster, watcher, port, seen)
                names = [name for (name,) in rows(watcher, "SHOW CATALOGS")]
                self.assertGreaterEqual(len(names), 3 + 1 + len(self.RIGHT) + 2)
                for name in names:
                    seen.append(str(rows(watcher, f"SHOW CREATE CATALOG `{name}`")))
                seen.append(str(rows(watcher, "SELECT * FROM system.metadata.catalogs")))
                seen.append(str(rows(watcher, "SELECT * FROM system.runtime.queries")))
                seen.append(str(rows(watcher, "SELECT * FROM information_schema.processlist")))
            seen.append(metrics(cluster))
        for text in seen:
            self.assertNotIn(self.MARKER, text)
        self.assertTrue(any("'<secret>'" in text for text in seen), "the statement that ran was listed")
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.assertTrue(any(path.name.endswith(".log") for path in files))
        for path in files:
            self.assertNotIn(self.MARKER.encode(), path.read_bytes(), path)

    def run_all(self, cursor, watcher, seen):
        for number, form in enumerate(self.RIGHT):
            cursor.execute(form.format(name=f"right{number}", marker=self.MARKER))
            seen.append(str(rows(cursor, "SHOW WARNINGS")))
        for number, form in enumerate(self.WRONG):
            statement = form.format(name=f"wrong{number}", marker=self.MARKER)
            with self.subTest(statement):
                with self.assertRaises(pymysql.MySQLError) as caught:
                    cursor.execute(statement)
                    while cursor.nextset():
                        pass
                seen.append(str(caught.exception))
                seen.append(str(rows(cursor, "SHOW WARNINGS")))
                seen.append(str(rows(watcher, "SHOW FULL PROCESSLIST")))
        cursor.execute(f"ALTER CATALOG kept SET (s3_secret_key = '{self.MARKER}')")
        cursor.execute(f"SELECT 1; CREATE CATALOG several USING lake WITH (s3_access_key = 'AK', s3_secret_key = '{self.MARKER}')")
        while cursor.nextset():
            pass

    def prepared(self, cluster):
        with mysql.connector.connect(host=cluster.host, port=cluster.port, user="root", ssl_disabled=True) as connection:
            with connection.cursor(prepared=True) as cursor:
                cursor.execute("CREATE CATALOG prepared USING lake WITH (s3_access_key = %s, s3_secret_key = %s)", ("AK", self.MARKER))

    @contextlib.contextmanager
    def hanging(self):
        """A source that takes connections and never answers."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener.getsockname()[1]

    def while_it_runs(self, cluster, watcher, port, seen):
        statement = f"CREATE CATALOG hangs USING hive WITH (uris = 'thrift://127.0.0.1:{port}', timeout_ms = 20000, s3_access_key = 'AK', s3_secret_key = '{self.MARKER}')"
        failure = []

        def run():
            try:
                with cursor_of(cluster) as cursor:
                    cursor.execute(statement)
            except pymysql.MySQLError as error:
                failure.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        listed = "SELECT id, info FROM information_schema.processlist WHERE info LIKE 'CREATE CATALOG hangs%'"
        deadline = time.monotonic() + AWAIT_S
        while not (found := rows(watcher, listed)):
            self.assertLess(time.monotonic(), deadline, "the statement is not listed")
            time.sleep(POLL_S)
        self.assertEqual(found[0][1], "CREATE CATALOG hangs USING hive '<secret>'")
        seen.append(str(rows(watcher, "SHOW FULL PROCESSLIST")))
        # Its source may hang for as long as it likes: KILL ends it, and nothing was made.
        watcher.execute(f"KILL QUERY {found[0][0]}")
        thread.join(AWAIT_S)
        self.assertFalse(thread.is_alive())
        self.assertEqual([error.args[0] for error in failure], [1317])
        self.assertEqual(rows(watcher, "SHOW CATALOGS LIKE 'hangs'"), ())


class Workers(Test):
    """A coordinator and workers: nothing of a catalog may be left on any of them."""

    def cluster(self, workers, **settings):
        folder = self.folder()
        processes.run(binary(), ["user", "add", "root", "--no-password", "--admin"], processes.state_settings(folder))
        return self.enterContext(processes.Cluster(binary(), folder, workers, settings))

    def test_a_running_query_keeps_its_catalog(self):
        cluster = self.cluster(2)
        with cursor_of(cluster) as cursor, connect(cluster, cursorclass=pymysql.cursors.SSCursor) as streaming:
            cursor.execute("CREATE CATALOG big USING tpch")
            with streaming.cursor() as reader:
                reader.execute("SET distributed_bytes_per_partition = 1")
                reader.execute("SELECT l_orderkey, l_comment FROM big.sf1.lineitem LIMIT 400000")
                reader.fetchone()
                cursor.execute("DROP CATALOG big")
                self.assertEqual(rows(cursor, "SHOW CATALOGS LIKE 'big'"), ())
                self.assert_error(1049, cursor, "SELECT count(*) FROM big.tiny.region")
                read = 1
                while batch := reader.fetchmany(10_000):
                    read += len(batch)
                self.assertEqual(read, 400_000)

    def test_two_thousand_catalogs_leave_nothing(self):
        cluster = self.cluster(1, **{"coordinator.queries.history_max": 10})
        with cursor_of(cluster) as cursor:
            cursor.execute("SET distributed_bytes_per_partition = 1")
            for number in range(60):
                self.make_and_drop(cursor, number)
            before = [usage(process) for process in cluster.processes]
            for number in range(60, 60 + CATALOGS):
                self.make_and_drop(cursor, number)
            # Workers hear of it with their heartbeats.
            deadline = time.monotonic() + AWAIT_S
            while grown := self.grown(cluster, before):
                self.assertLess(time.monotonic(), deadline, grown)
                time.sleep(POLL_S)
            text = metrics(cluster)
            self.assertNotIn('catalog="made', text)
            self.assertIn("mooring_coordinator_catalogs 3\n", text)
            changes = {kind: int(count) for kind, count in re.findall(r'mooring_coordinator_catalog_changes_total\{change="(\w+)"\} (\d+)', text)}
            self.assertEqual((changes["create"], changes["drop"]), (60 + CATALOGS, 60 + CATALOGS))

    def make_and_drop(self, cursor, number):
        match number % 3:
            case 0:
                name = f"made{number}"
                cursor.execute(f"CREATE CATALOG {name} USING hive WITH (uris = '{NOWHERE}', timeout_ms = 5000) NOVERIFY")
                self.assert_error(1429, cursor, f"SHOW DATABASES FROM {name}")
            case 1:
                # The same name: its statements are remembered by their text, and not its catalogs.
                name = "generated"
                cursor.execute(f"CREATE CATALOG {name} USING tpch")
                self.assertEqual(rows(cursor, f"SELECT sum(n_nationkey), max(n_name) FROM {name}.tiny.nation"), ((300, "VIETNAM"),))
            case _:
                name = "files"
                cursor.execute(f"CREATE CATALOG {name} USING lake WITH (parquet_time_zone = 'Europe/Berlin')")
                cursor.execute(f"CREATE SCHEMA {name}.s")
                cursor.execute(f"CREATE EXTERNAL TABLE {name}.s.fruit STORED AS PARQUET LOCATION '{FRUIT}'")
                cursor.execute(f"ALTER CATALOG {name} SET (s3_region = 'eu-west-1')")
                self.assertEqual(rows(cursor, f"SELECT count(DISTINCT name) FROM {name}.s.fruit"), ((4,),))
        cursor.execute(f"DROP CATALOG {name}")

    def grown(self, cluster, before):
        grown = {}
        for process, (memory, files) in zip(cluster.processes, before, strict=True):
            memory_now, files_now = usage(process)
            # The store's pool may have opened another connection meanwhile.
            if memory_now > memory + GROWTH_MAX_BYTES or files_now > files + 16:
                grown[process.name] = f"{(memory_now - memory) / 2**20:.1f} MiB, {files_now - files} files"
        return grown


@unittest.skipUnless(postgresql_server.is_installed(), "needs PostgreSQL")
class TwoCoordinators(Test):
    KEY = "0123456789abcdef0123456789abcdef"

    def test_each_sees_what_the_other_defines(self):
        shared = {"state.url": self.enterContext(postgresql_server.Postgres()).url()}
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], shared)
        keyed = shared | {"coordinator.secrets.key": self.KEY}
        first, second = (
            self.enterContext(cursor_of(self.coordinator(settings | {"coordinator.number": number}), user=processes.USER))
            for number, settings in enumerate((keyed, keyed))
        )
        first.execute("CREATE CATALOG shared USING lake COMMENT 'a' WITH (s3_access_key = 'AK', s3_secret_key = 'SK')")
        listed = "SELECT catalog_name, version, comment, problem FROM system.metadata.catalogs WHERE defined_by = 'sql'"
        took = [await_rows(second, listed, (("shared", 1, "a", None),))]
        self.assertEqual(rows(first, "SHOW CREATE CATALOG shared"), rows(second, "SHOW CREATE CATALOG shared"))
        first.execute("CREATE SCHEMA shared.s")
        first.execute(f"CREATE EXTERNAL TABLE shared.s.fruit STORED AS PARQUET LOCATION '{FRUIT}'")
        self.assertEqual(rows(second, "SELECT count(DISTINCT name) FROM shared.s.fruit"), ((4,),))
        # Each changes it in turn.
        second.execute("ALTER CATALOG shared SET (s3_region = 'eu-west-1')")
        took.append(await_rows(first, listed, (("shared", 2, "a", None),)))
        first.execute("COMMENT ON CATALOG shared IS 'b'")
        took.append(await_rows(second, listed, (("shared", 2, "b", None),)))
        second.execute("ALTER CATALOG shared RENAME TO ours")
        took.append(await_rows(first, listed, (("ours", 3, "b", None),)))
        self.assertEqual(rows(first, "SELECT count(DISTINCT name) FROM ours.s.fruit"), ((4,),))
        self.assertIn("`ours`", self.assert_error(1007, first, "CREATE CATALOG ours USING tpch"))
        # One without the key has the catalog, and knows what is wrong with it.
        third = self.enterContext(cursor_of(self.coordinator(shared | {"coordinator.number": 2}), user=processes.USER))
        ((_, _, _, problem),) = rows(third, listed)
        self.assertIn("not configured", problem)
        first.execute("DROP CATALOG ours")
        for other in (second, third):
            took.append(await_rows(other, listed, ()))
        print(f"changes were seen within {max(took):.1f} s (bound: 5 s)")

    def coordinator(self, settings):
        return self.enterContext(processes.Cluster(binary(), self.folder(), 1, settings))


def usage(process):
    """Bytes in memory and open files of a process."""
    folder = Path("/proc") / str(process.child.pid)
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB$", (folder / "status").read_text(), re.MULTILINE)
    return int(kilobytes) * 1024, len(list((folder / "fd").iterdir()))


def metrics(cluster):
    address = cluster.processes[0].addresses["http"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
