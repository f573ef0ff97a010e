"""moto's server, as S3 and as Glue."""

import contextlib
import subprocess
import sys
from pathlib import Path

from listening import HOST, await_listener, free_port

START_TIMEOUT_S = 60
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "an-access-key", "aws_secret_access_key": "a-secret-key"}


@contextlib.contextmanager
def run():
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
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
