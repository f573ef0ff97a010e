"""What a server counts of its sources, from its page of metrics."""

import re
import urllib.request


def page(http: str) -> list[str]:
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=30) as answer:
        return answer.read().decode().splitlines()


def requests(http: str) -> int:
    """Requests to object stores and disks, of every kind."""
    return sum(int(line.rsplit(" ", 1)[1]) for line in page(http) if line.startswith("mooring_storage_requests_total{"))


def calls(http: str) -> dict[str, int]:
    """Calls of metastores that were answered, by method, and listings of folders as `list`."""
    counts: dict[str, int] = {}
    for line in page(http):
        if match := re.match(r'mooring_metastore_calls_total\{.*method="(\w+)".*\} (\d+)', line):
            counts[match[1]] = counts.get(match[1], 0) + int(match[2])
        if match := re.match(r'mooring_storage_requests_total\{operation="list".*\} (\d+)', line):
            counts["list"] = counts.get("list", 0) + int(match[1])
    return counts
