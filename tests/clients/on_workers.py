"""A cluster with workers, and from outside whether a query runs on them: it is seen in `system.runtime.tasks`."""

import tempfile
import threading
import time
import unittest
from pathlib import Path

import pymysql

from certificates import write_certificate
from server import binary, processes

PATIENCE_S = 60
POLL_S = 0.02
WORKERS = 2
# It reads for minutes, on every worker, and gives no row before.
LONG = "SELECT count(*) AS runs_long FROM tpch.sf10.lineitem a CROSS JOIN tpch.tiny.lineitem b WHERE a.l_comment || b.l_comment = 'never'"


class OnWorkers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        processes.run(binary(), ["user", "add", "root", "--no-password", "--admin"], processes.state_settings(folder))
        certificates = folder / "certificates"
        certificates.mkdir()
        certificate_file, key_file = write_certificate(certificates)
        settings = {"coordinator.mysql.tls_certificate": certificate_file, "coordinator.mysql.tls_key": key_file}
        cls.cluster = cls.enterClassContext(processes.Cluster(binary(), folder, WORKERS, settings))
        observer = pymysql.connect(host=cls.cluster.host, port=cls.cluster.port, user="root", ssl_disabled=True)
        cls.addClassCleanup(observer.close)
        cls.observer, cls.observing = observer.cursor(), threading.Lock()

    def seen(self, sql):
        with self.observing:
            self.observer.execute(sql)
            return self.observer.fetchall()

    def await_workers(self, wanted: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            busy = self.seen("SELECT DISTINCT worker FROM system.runtime.tasks WHERE state = 'running'")
            if len(busy) == wanted:
                return
            if time.monotonic() > deadline:
                self.fail(f"after {PATIENCE_S} s there are running tasks on {busy}, instead of on {wanted} workers")
            time.sleep(POLL_S)
