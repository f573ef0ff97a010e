"""Tokens that somebody else signs, at the Flight SQL door: which are taken, and that rotated keys are followed."""

import base64
import json
import os
import tempfile
import time
import unittest
from pathlib import Path

import pyarrow.flight as flight
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
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 600} | claims
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
        os.environ["MOORING_TEST_FLIGHT_SQL"] = cluster.processes[0].addresses["flight_sql"]

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
        self.assertEqual(self.user(self.issuer.token()), "alice")
        self.assertEqual(self.user(self.issuer.token(sub="bob", aud=["other", AUDIENCE])), "bob")

    def test_wrong_ones_are_refused(self):
        stranger = Issuer("first")
        for name, token in (
            ("expired", self.issuer.token(exp=int(time.time()) - 600)),
            ("issuer", self.issuer.token(iss="https://other.example")),
            ("audience", self.issuer.token(aud="other")),
            ("user", self.issuer.token(sub="nobody")),
            ("key", stranger.token()),
            ("form", self.issuer.token()[:-4]),
        ):
            with self.subTest(name), self.assertRaises(flight.FlightUnauthenticatedError):
                self.user(token)

    def test_rotated_keys_are_followed(self):
        second = Issuer("second")
        self.addCleanup(self.write, self.issuer)
        self.write(self.issuer, second)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.assertEqual(self.user(second.token()), "alice")
                break
            except flight.FlightUnauthenticatedError:
                self.assertLess(time.monotonic(), end)
        self.assertEqual(self.user(self.issuer.token()), "alice")


if __name__ == "__main__":
    counted.main()
