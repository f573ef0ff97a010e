"""Tokens that somebody else signs, at both doors: which are taken, and that rotated keys are followed."""

import base64
import json
import os
import ssl
import tempfile
import time
import unittest
from pathlib import Path

import pyarrow.flight as flight
import pymysql
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import counted
import flight_client
import server
from server import processes

ISSUER, AUDIENCE = "https://issuer.example", "mooring"
PATIENCE_S = 30


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    """A key with its name."""

    def __init__(self, name):
        self.name = name
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public(self):
        numbers = self.key.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name, "n": number(numbers.n), "e": number(numbers.e)}

    def token(self, **claims):
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ina", "exp": int(time.time()) + 600} | claims
        parts = {"alg": "RS256", "kid": self.name}, claims
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{encoded(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.keys, cls.issuer = folder / "keys.json", Issuer("first")
        cls.write(cls.issuer)
        server.add_users(folder)
        settings = {
            "coordinator.flight_sql.jwt_keys": cls.keys,
            "coordinator.flight_sql.jwt_issuer": ISSUER,
            "coordinator.flight_sql.jwt_audience": AUDIENCE,
        }
        cluster = cls.enterClassContext(processes.Cluster(server.binary(), folder, settings=settings))
        cls.address = {"host": cluster.host, "port": cluster.port}
        os.environ["MOORING_TEST_FLIGHT_SQL"] = cluster.processes[0].addresses["flight_sql"]
        for name in ("ina", "ivo"):
            flight_client.Client().rows(f"CREATE USER {name} IDENTIFIED WITH authentication_jwt")

    @classmethod
    def write(cls, *issuers):
        cls.keys.write_text(json.dumps({"keys": [issuer.public() for issuer in issuers]}))

    def user(self, token):
        client = flight.FlightClient(flight_client.plain())
        options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
        info = client.get_flight_info(flight_client.query("SELECT USER() AS u"), options)
        [row] = client.do_get(info.endpoints[0].ticket, options).read_all().to_pylist()
        return row["u"].split("@")[0]

    def test_a_right_one_is_its_user(self):
        self.assertEqual(self.user(self.issuer.token()), "ina")
        self.assertEqual(self.user(self.issuer.token(sub="ivo", aud=["other", AUDIENCE])), "ivo")

    def test_wrong_ones_are_refused(self):
        stranger = Issuer("first")
        for name, token in (
            ("expired", self.issuer.token(exp=int(time.time()) - 600)),
            ("issuer", self.issuer.token(iss="https://other.example")),
            ("audience", self.issuer.token(aud="other")),
            ("user", self.issuer.token(sub="nobody")),
            ("administrator", self.issuer.token(sub="root")),
            ("key", stranger.token()),
            ("form", self.issuer.token()[:-4]),
        ):
            with self.subTest(name), self.assertRaises(flight.FlightUnauthenticatedError):
                self.user(token)

    def by_mysql(self, token, user="ina", tls=True):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pymysql.connect(
            user=user, password=token, ssl=context, ssl_disabled=not tls, **self.address,
        ) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT USER()")
            return cursor.fetchone()[0].split("@")[0]

    def test_a_token_is_a_password_of_mysql_clients_inside_tls(self):
        self.assertEqual(self.by_mysql(self.issuer.token()), "ina")
        self.assertEqual(self.by_mysql(self.issuer.token(sub="ivo"), "ivo"), "ivo")
        for name, token, more in (
            ("of another user", self.issuer.token(sub="ivo"), {}),
            ("expired", self.issuer.token(exp=int(time.time()) - 600), {}),
            ("of another key", Issuer("first").token(), {}),
            ("no token", "x", {}),
            ("nothing", "", {}),
            ("in the clear", self.issuer.token(), {"tls": False}),
            ("of an account with a password", self.issuer.token(sub="alice"), {"user": "alice"}),
        ):
            with self.subTest(name), self.assertRaises(pymysql.err.OperationalError) as caught:
                self.by_mysql(token, **more)
            self.assertEqual(caught.exception.args[0], 1045, name)

    def test_rotated_keys_are_followed(self):
        second = Issuer("second")
        self.addCleanup(self.write, self.issuer)
        self.write(self.issuer, second)
        self.await_taken(second)
        self.assertEqual(self.user(self.issuer.token()), "ina")

    def await_taken(self, issuer):
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.assertEqual(self.user(issuer.token()), "ina")
            except flight.FlightUnauthenticatedError:
                self.assertLess(time.monotonic(), end)

    def test_accounts_with_a_password_and_administrators_do_not_come_by_tokens(self):
        for name in ("alice", "root"):
            with self.subTest(name), self.assertRaisesRegex(flight.FlightUnauthenticatedError, "does not come by tokens"):
                self.user(self.issuer.token(sub=name))

    def test_a_password_does_not_open_an_account_that_comes_by_tokens(self):
        for password in ("", "x"):
            with self.subTest(password), self.assertRaises(flight.FlightUnauthenticatedError):
                flight_client.Client("ina", password)

    def test_a_key_that_is_taken_away_ends_what_it_signed(self):
        second = Issuer("second")
        self.addCleanup(self.write, self.issuer)
        self.write(self.issuer, second)
        client, token = flight.FlightClient(flight_client.plain()), second.token()
        options = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
        for taken in (True, False):
            end = time.monotonic() + PATIENCE_S
            while True:
                try:
                    client.get_flight_info(flight_client.command("CommandGetCatalogs"), options)
                    found = True
                except flight.FlightUnauthenticatedError:
                    found = False
                if found == taken:
                    break
                self.assertLess(time.monotonic(), end)
            self.write(self.issuer)


if __name__ == "__main__":
    counted.main()
