"""The state store in PostgreSQL."""

import os
import tempfile
import unittest
from pathlib import Path

import pyarrow.flight as flight
import pymysql

import counted
import flight_client
from postgresql_server import Postgres
from server import REPOSITORY, binary, processes

FRUIT = REPOSITORY / "tests" / "data" / "csv" / "fruit.csv"


class State(unittest.TestCase):
    def test_tables_and_users_are_in_the_database_and_not_in_the_folder(self):
        settings = {"state.url": self.enterContext(Postgres()).url()}
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], settings)
            self.with_cursor(Path(first), settings, self.make_table)
            self.with_cursor(Path(second), settings, self.read_table)

    def test_sessions_of_flight_sql_outlive_an_outage(self):
        postgres = self.enterContext(Postgres())
        settings = {"state.url": postgres.url()}
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], settings)
        cluster = self.enterContext(processes.Cluster(binary(), folder, settings=settings))
        os.environ["MOORING_TEST_FLIGHT_SQL"] = cluster.processes[0].addresses["flight_sql"]
        client = flight_client.Client(processes.USER)
        postgres.stop()
        # A login asks the store, and waits longer for it than what is known of an account is good for.
        with self.assertRaises(flight.FlightUnavailableError):
            flight_client.Client(processes.USER)
        self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])

    def with_cursor(self, folder, settings, use):
        with processes.Cluster(binary(), folder, 1, settings) as cluster:
            with pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True) as connection:
                with connection.cursor() as cursor:
                    use(cursor)

    def make_table(self, cursor):
        cursor.execute("CREATE SCHEMA lake.shared")
        cursor.execute(
            "CREATE EXTERNAL TABLE lake.shared.fruit "
            "(id INT, name VARCHAR(20), weight BIGINT, price DECIMAL(10, 2), picked DATE, ripe BOOLEAN) "
            f"STORED AS CSV LOCATION '{FRUIT}' OPTIONS ('has_header' 'true')"
        )

    def read_table(self, cursor):
        cursor.execute("SELECT count(*) FROM lake.shared.fruit")
        self.assertEqual(cursor.fetchall(), ((4,),))


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
