"""The 22 queries over files of `mooring tpch load`, against DuckDB over the same files."""

import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import counted
from server import binary, processes

import compare
import queries
from engines import DuckDb, Mooring

SCALE = 0.01
SCHEMA = queries.schema_name(SCALE)
# The specification, section 4.2.5, for scale 0.01; lineitem is dbgen's own.
ROWS = {
    "customer": 1500, "lineitem": 60175, "nation": 25, "orders": 15000, "part": 2000,
    "partsupp": 8000, "region": 5, "supplier": 100,
}


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = Path(cls.temporary.name)
        processes.load(binary(), cls.folder, SCALE, SCHEMA)
        cls.reference = DuckDb(cls.folder / "state" / "warehouse" / SCHEMA, threads=2)

    def test_the_files_hold_all_rows(self):
        counted_rows = {t: self.reference.fetch(f"SELECT count(*) FROM {t}")[0][0] for t in queries.TABLES}
        self.assertEqual(counted_rows, ROWS)

    def test_one_node(self):
        with processes.Cluster(binary(), self.folder) as cluster:
            self.assert_answers(cluster, distribute=False)

    def test_two_workers(self):
        with processes.Cluster(binary(), self.folder, workers=2) as cluster:
            mooring = self.assert_answers(cluster, distribute=True)
            self.assertEqual(mooring.workers_of("lineitem"), 2)

    def assert_answers(self, cluster, distribute):
        mooring = Mooring(cluster.host, cluster.port, processes.USER, "", f"lake.{SCHEMA}", distribute)
        for number in queries.NUMBERS:
            with self.subTest(query=number, distribute=distribute):
                query = queries.query(number, SCALE)
                expected = self.reference.fetch(query.unlimited_sql)
                answer = mooring.fetch(query.sql)
                self.assertIsNone(compare.difference(expected, answer, query.ordered_by, query.limit))
        return mooring

    def test_loading_while_the_server_runs(self):
        with processes.Cluster(binary(), self.folder) as cluster:
            arguments = ["tpch", "load", "--scale", "0.01", "--into", "lake.later"]
            processes.run(binary(), arguments, processes.state_settings(self.folder))
            mooring = Mooring(cluster.host, cluster.port, processes.USER, "", "lake.later", False)
            self.assertEqual(mooring.fetch("SELECT count(*) FROM lineitem"), [(60175,)])

    def test_a_table_at_another_location_is_left_alone(self):
        elsewhere = self.folder / "elsewhere"
        arguments = ["tpch", "load", "--scale", "0.01", "--into", f"lake.{SCHEMA}"]
        settings = processes.state_settings(self.folder)
        with self.assertRaises(processes.ProcessFailed) as caught:
            processes.run(binary(), [*arguments, "--location", str(elsewhere)], settings)
        for part in ("customer", f"warehouse/{SCHEMA}/customer/", f"{elsewhere}/customer/", "drop it first"):
            self.assertIn(part, str(caught.exception))
        self.assertFalse(elsewhere.exists())
        # At its own location a load is repeated, and finds its files.
        self.assertIn("0 files written", processes.run(binary(), arguments, settings))

    def test_a_load_ends_well_on_sigterm(self):
        arguments = ["tpch", "load", "--scale", "1", "--into", "lake.interrupted", "--location", str(self.folder / "interrupted")]
        environment = processes.environment(processes.state_settings(self.folder))
        load = subprocess.Popen(
            [binary(), *arguments], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        self.assertIn("customer", load.stdout.readline())  # the first table is there
        load.send_signal(signal.SIGTERM)
        printed, _ = load.communicate(timeout=60)
        self.assertGreater(load.returncode, 0, printed)  # a return code, not the signal itself
        self.assertIn("run the same command again to go on", printed)


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
