"""Files that are replaced, or vanish, while a query reads them: the rows of before or of after, or an error that names
the file. moto's server is the store; what stands in front of it hands every request on, and acts before one of them."""

import contextlib
import http.server
import io
import tempfile
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pyarrow
import pyarrow.parquet
import pymysql

import counted
import moto_server
from listening import HOST
from moto_server import KEYS, REGION, lake_settings
from server import binary, processes

BUCKET = "moving"
ROWS = 200_000
ROWS_PER_GROUP = 20_000
# ER_FILE_NOT_FOUND and ER_CHECKREAD.
NAMED = {1017, 1020}


class Watching(http.server.BaseHTTPRequestHandler):
    """Hands requests on to moto; before the one that `acts_before` counts down to, it calls `act`."""
    protocol_version = "HTTP/1.1"
    endpoint = None
    key = None
    acts_before = 0
    act = None
    lock = threading.Lock()

    def forward(self):
        cls = type(self)
        with self.lock:
            if cls.act and self.command == "GET" and self.path.endswith(f"/{cls.key}"):
                cls.acts_before -= 1
                if cls.acts_before == 0:
                    cls.act()
                    cls.act = None
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        request = urllib.request.Request(self.endpoint + self.path, body or None, headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(content)))
        # A query that ends does not wait for its answers.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = forward

    def log_message(self, *_arguments):
        pass


def parquet(number):
    """Versions of one size and one layout."""
    written = io.BytesIO()
    table = pyarrow.table({"v": pyarrow.array([number] * ROWS, pyarrow.int64())})
    pyarrow.parquet.write_table(
        table, written, row_group_size=ROWS_PER_GROUP, compression="none", use_dictionary=False, write_statistics=False,
    )
    return written.getvalue()


def csv(number):
    return ("v\n" + f"{number}\n" * ROWS).encode()


class Replaced(unittest.TestCase):
    workers = 0

    @classmethod
    def setUpClass(cls):
        endpoint = cls.enterClassContext(moto_server.run())
        cls.client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **KEYS)
        cls.client.create_bucket(Bucket=BUCKET)
        Watching.endpoint = endpoint
        server = http.server.ThreadingHTTPServer((HOST, 0), Watching)
        cls.addClassCleanup(server.server_close)
        threading.Thread(target=server.serve_forever).start()
        cls.addClassCleanup(server.shutdown)
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        processes.run(binary(), ["user", "add", processes.USER, "--no-password", "--admin"], processes.state_settings(folder))
        settings = lake_settings(f"http://{HOST}:{server.server_port}")
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder, cls.workers, settings))
        connection = pymysql.connect(host=cluster.host, port=cluster.port, user=processes.USER, ssl_disabled=True)
        cls.addClassCleanup(connection.close)
        cls.cursor = connection.cursor()
        cls.cursor.execute("SET distributed_bytes_per_partition = 1")

    def put(self, key, content):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def outcomes(self, name, key, before, act):
        """What a query gives when `act` happens before its first request for the file, before its second, and so on."""
        found = []
        while True:
            self.put(key, before)
            Watching.key, Watching.acts_before, Watching.act = key, len(found) + 1, act
            try:
                self.cursor.execute(f"SELECT sum(v), count(*) FROM lake.default.{name}")
                [(total, rows)] = self.cursor.fetchall()
                found.append((int(total), rows))
            except pymysql.MySQLError as error:
                self.assertIn(error.args[0], NAMED, error)
                self.assertIn(key.rsplit("/")[0], error.args[1])
                found.append(error.args[0])
            if Watching.act is not None:
                Watching.act = None
                return found

    def table(self, name, key, content, described):
        self.put(key, content)
        self.cursor.execute(f"CREATE EXTERNAL TABLE lake.default.{name} {described} LOCATION 's3://{BUCKET}/{name}/'")

    def check_replaced(self, name, key, make):
        first, second = (ROWS, ROWS), (2 * ROWS, ROWS)
        found = self.outcomes(name, key, make(1), lambda: self.put(key, make(2)))
        # The last one came to its end before anything happened.
        self.assertEqual(found[-1], first)
        self.assertGreaterEqual(len(found), 2, found)
        for outcome in found:
            self.assertIn(outcome, [first, second, *NAMED], found)
        # A query that has sent no row yet begins anew.
        self.assertIn(second, found)

    def test_a_file_of_parquet_that_is_replaced(self):
        key = "numbers/a.parquet"
        self.assertEqual(len(parquet(1)), len(parquet(2)))
        self.table("numbers", key, parquet(1), "STORED AS PARQUET")
        self.check_replaced("numbers", key, parquet)

    def test_a_file_of_text_that_is_replaced(self):
        key = "texts/a.csv"
        self.table("texts", key, csv(1), "(v BIGINT) STORED AS CSV")
        self.check_replaced("texts", key, csv)

    def test_a_file_that_vanishes(self):
        key = "fleeting/a.parquet"
        self.table("fleeting", key, parquet(1), "STORED AS PARQUET")
        found = self.outcomes("fleeting", key, parquet(1), lambda: self.client.delete_object(Bucket=BUCKET, Key=key))
        self.assertGreater(len(found), 2, found)
        for outcome in found[:-1]:
            self.assertIn(outcome, [(ROWS, ROWS), *NAMED], found)
        self.assertEqual(found[-1], (ROWS, ROWS))
        self.assertIn(1017, found)


class OneNode(Replaced):
    pass


class TwoWorkers(Replaced):
    workers = 2


del Replaced

if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
