"""A PostgreSQL server of its own for tests that stop it, change it or refuse logins. SQL goes through psql."""

import datetime
import ipaddress
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from listening import HOST, free_port

ADMIN = "postgres"
PASSWORD = "a secret word"


def _programs() -> Path:
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(versions, key=lambda path: int(path.parts[-3].split(".")[0]))[-1]
    return newest.parent


class PostgresServer:
    """Runs while it is entered. The data are kept over `stop` and `start`."""

    def __init__(self):
        self.programs = _programs()
        self.port = free_port()

    def __enter__(self) -> "PostgresServer":
        self.folder = Path(tempfile.mkdtemp())
        if os.getuid() == 0:
            # The server does not run as root.
            shutil.chown(self.folder, "postgres")
        words = self.folder / "password"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        self._run("initdb", "--pgdata", self.data, "--username", ADMIN, "--auth", "scram-sha-256", "--pwfile", words,
                  "--encoding", "UTF8", "--locale", "C.UTF-8")
        self.certificate, key = _write_certificate(self.folder)
        if os.getuid() == 0:
            shutil.chown(key, "postgres")
        key.chmod(0o600)
        self.settings = f"-c ssl=on -c ssl_cert_file={self.certificate} -c ssl_key_file={key}"
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories={self.folder} -c fsync=off "
            f"-c max_connections=60 {self.settings}"
        )
        self._run("pg_ctl", "--pgdata", self.data, "--log", self.folder / "log", "-w", "start", "--options", options)

    def stop(self) -> None:
        self._run("pg_ctl", "--pgdata", self.data, "--mode", "immediate", "-w", "stop", check=False)

    def sql(self, text: str, database: str = "postgres") -> list[list[str]]:
        """The rows of the last statement, as psql writes values. Null is `\\N`."""
        done = subprocess.run(
            [self.programs / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\t",
             "--pset", "null=\\N", "--set", "ON_ERROR_STOP=1", "--host", HOST, "--port", str(self.port), "--username", ADMIN,
             database],
            input=text, env=os.environ | {"PGPASSWORD": PASSWORD, "PGTZ": "UTC"}, capture_output=True, text=True, timeout=300,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _run(self, program: str, *arguments: object, check: bool = True) -> None:
        command = [self.programs / program, *arguments]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            [str(part) for part in command], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=120,
        )
        if check and done.returncode != 0:
            raise RuntimeError(done.stdout)


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2)).add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    certificate_file.chmod(0o644)
    return certificate_file, key_file
