"""moto's server, as S3 and as Glue."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from listening import HOST, await_listener, free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 10
REGION = "us-east-1"
# It takes any.
KEYS = {"aws_access_key_id": "an-access-key", "aws_secret_access_key": "a-secret-key"}


@contextlib.contextmanager
def run() -> Iterator[str]:
    """Its URL. moto cannot tell which port it took, so we choose a free one."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", HOST, "-p", str(port)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_listener(child, port, START_TIMEOUT_S)
        yield f"http://{HOST}:{port}"
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def lake_settings(endpoint: str) -> dict[str, str]:
    """What the catalog `lake` has to know to read from it."""
    return {
        "lake.s3_endpoint": endpoint, "lake.s3_region": REGION, "lake.s3_path_style": "true",
        "lake.s3_access_key": KEYS["aws_access_key_id"], "lake.s3_secret_key": KEYS["aws_secret_access_key"],
    }
