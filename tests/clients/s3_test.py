"""Tables in a bucket, with moto's server as S3."""

import tempfile
import unittest
from pathlib import Path

import boto3
import pymysql

import counted
import moto_server
from moto_server import KEYS, REGION, lake_settings
from server import REPOSITORY, binary, processes

DATA = REPOSITORY / "tests" / "data"


class S3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        endpoint = cls.enterClassContext(moto_server.run())
        client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **KEYS)
        client.create_bucket(Bucket="fruit-market")
        for file in sorted(p for p in DATA.rglob("*") if p.is_file()):
            client.upload_file(str(file), "fruit-market", f"data/{file.relative_to(DATA)}")
        cls.client = client
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, 2, lake_settings(endpoint)))
        connection = pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True)
        cls.addClassCleanup(connection.close)
        cls.cursor = connection.cursor()
        # Workers reach the bucket too, with the catalog's credentials.
        cls.cursor.execute("SET distributed_bytes_per_partition = 1")
        cls.cursor.execute("CREATE SCHEMA lake.market")

    def rows(self, sql):
        self.cursor.execute(sql)
        return self.cursor.fetchall()

    def test_parquet(self):
        self.rows("CREATE EXTERNAL TABLE lake.market.numbers STORED AS PARQUET LOCATION 's3://fruit-market/data/parquet/numbers.parquet'")
        # Statistics cannot answer it: a worker has to read the file.
        self.assertEqual(self.rows("SELECT sum(bucket), max(id) FROM lake.market.numbers"), ((23997, 7999),))
        tasks = self.rows("SELECT count(*) FROM system.runtime.tasks")
        self.assertGreater(tasks[0][0], 0)

    def test_csv(self):
        self.rows(
            "CREATE EXTERNAL TABLE lake.market.fruit "
            "(id INT, name VARCHAR(20), weight BIGINT, price DECIMAL(10, 2), picked DATE, ripe BOOLEAN) "
            "STORED AS CSV LOCATION 's3://fruit-market/data/csv/fruit.csv' OPTIONS ('has_header' 'true')"
        )
        self.assertEqual(
            self.rows("SELECT name FROM lake.market.fruit ORDER BY id"),
            (("apple",), ("pear",), ("Zwetschge",), ("blåbær",)),
        )

    def test_partitioned_folder(self):
        self.rows(
            "CREATE EXTERNAL TABLE lake.market.sales STORED AS PARQUET PARTITIONED BY (year, region) "
            "LOCATION 's3://fruit-market/data/sales/'"
        )
        self.assertEqual(
            self.rows("SELECT region, count(*) FROM lake.market.sales GROUP BY region ORDER BY region"),
            (("north", 3), ("south", 2)),
        )

    def test_a_bucket_that_does_not_exist(self):
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.rows("CREATE EXTERNAL TABLE lake.market.none STORED AS PARQUET LOCATION 's3://no-such-bucket/x.parquet'")
        self.assertIn("no-such-bucket", caught.exception.args[1])
        self.assertNotIn(KEYS["aws_secret_access_key"], caught.exception.args[1])

    def test_a_folder_that_grows(self):
        self.client.upload_file(str(DATA / "parquet/fruit.parquet"), "fruit-market", "grows/a.parquet")
        self.rows("CREATE EXTERNAL TABLE lake.market.grows STORED AS PARQUET LOCATION 's3://fruit-market/grows/'")
        self.assertEqual(self.rows("SELECT count(*) FROM lake.market.grows"), ((4,),))
        self.client.upload_file(str(DATA / "parquet/fruit.parquet"), "fruit-market", "grows/b.parquet")
        self.assertEqual(self.rows("SELECT count(*) FROM lake.market.grows"), ((8,),))


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
