"""TLS and client certificates at the Flight SQL door: whom a client's certificate lets in, and whom the lack of one keeps out."""

import datetime
import os
import tempfile
import unittest
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow.flight as flight
import pymysql
from adbc_driver_flightsql import DatabaseOptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import counted
from certificates import write_certificate
from flight_client import Client, encrypted, plain, query
from server import binary, processes

# What this client calls a connection that did not come about.
UNCONNECTED = (flight.FlightUnavailableError, flight.FlightInternalError)


class Authority:
    """Signs clients' certificates."""

    def __init__(self, name):
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), name
        self.certificate = self.sign(name, self.key.public_key(), is_authority=True)

    def sign(self, name, key, is_authority=False):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(self.name)).public_key(key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def client(self, name):
        """A certificate and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem(self.sign(name, key.public_key())), private


def named(name):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Server(unittest.TestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        certificate_file, key_file = write_certificate(folder)
        cls.authority = Authority("clients")
        clients = folder / "clients.pem"
        clients.write_bytes(pem(cls.authority.certificate))
        settings = {
            "coordinator.mysql.tls_certificate": certificate_file,
            "coordinator.mysql.tls_key": key_file,
            "coordinator.mysql.tls_client_ca": clients,
        }
        cls.roots = certificate_file.read_bytes()
        cluster = cls.enterClassContext(processes.Cluster(binary(), folder / "server", settings=settings | cls.settings))
        cls.where = (cluster.host, cluster.port)
        os.environ["MOORING_TEST_FLIGHT_SQL"] = cluster.processes[0].addresses["flight_sql"]

    def connected(self, user="root", password="", **options):
        client = Client(user, password, encrypted(), tls_root_certs=self.roots, **options)
        self.addCleanup(client.close)
        return client

    def assert_in(self, client):
        self.assertEqual(client.rows("SELECT 1 AS one"), [{"one": 1}])


class Certificates(Server):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Client(location=encrypted(), tls_root_certs=cls.roots) as root:
            root.rows("CREATE USER shown IDENTIFIED BY 'x' REQUIRE X509")
            root.rows("CREATE USER named IDENTIFIED BY 'x' REQUIRE SUBJECT '/CN=ana'")
            root.rows("CREATE USER inside IDENTIFIED BY 'x' REQUIRE SSL")

    def test_the_servers_certificate_is_checked(self):
        self.assert_in(self.connected())
        other = pem(Authority("others").certificate)
        with self.assertRaises(UNCONNECTED):
            Client(location=encrypted(), tls_root_certs=other)

    def test_who_needs_a_certificate_shows_one(self):
        certificate, key = self.authority.client("ana")
        for user in ("shown", "named"):
            with self.subTest(user):
                self.assert_in(self.connected(user, "x", cert_chain=certificate, private_key=key))
                with self.assertRaises(flight.FlightUnauthenticatedError):
                    self.connected(user, "x")
                with self.assertRaises(flight.FlightUnauthenticatedError):
                    self.connected(user, "wrong", cert_chain=certificate, private_key=key)
        certificate, key = self.authority.client("bob")
        self.assert_in(self.connected("shown", "x", cert_chain=certificate, private_key=key))
        with self.assertRaises(flight.FlightUnauthenticatedError):
            self.connected("named", "x", cert_chain=certificate, private_key=key)

    def test_a_certificate_of_another_authority_is_refused(self):
        certificate, key = Authority("others").client("ana")
        with self.assertRaises(UNCONNECTED):
            self.connected("shown", "x", cert_chain=certificate, private_key=key)

    def test_a_token_is_for_the_connections_that_its_account_admits(self):
        certificate, key = self.authority.client("ana")
        shown = self.connected("shown", "x", cert_chain=certificate, private_key=key)
        without = flight.FlightClient(encrypted(), tls_root_certs=self.roots)
        self.addCleanup(without.close)
        with self.assertRaises(flight.FlightUnauthenticatedError):
            without.get_flight_info(query("SELECT 1"), shown.options)

    def test_who_needs_tls_is_refused_without(self):
        self.assert_in(self.connected("inside", "x"))
        with self.assertRaises(flight.FlightUnauthenticatedError):
            Client("inside", "x", plain())

    def test_adbc(self):
        certificate, key = self.authority.client("ana")
        options = {
            "username": "named", "password": "x",
            DatabaseOptions.TLS_ROOT_CERTS.value: self.roots.decode(),
            DatabaseOptions.MTLS_CERT_CHAIN.value: certificate.decode(),
            DatabaseOptions.MTLS_PRIVATE_KEY.value: key.decode(),
        }
        with flight_sql.connect(encrypted(), db_kwargs=options, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT USER()")
            self.assertEqual(cursor.fetchall(), [("named@127.0.0.1",)])


class Required(Server):
    settings = {"coordinator.mysql.require_tls": "true"}

    def test_plain_calls_are_told_so(self):
        self.assert_in(self.connected())
        with self.assertRaisesRegex(flight.FlightUnauthenticatedError, "inside TLS only"):
            Client()
        ssl = {"ssl": {"check_hostname": False}}
        with pymysql.connect(host=self.where[0], port=self.where[1], user="root", **ssl) as connection:
            connection.ping()


if __name__ == "__main__":
    processes.raise_on_terminate()
    counted.main()
