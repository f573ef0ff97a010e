"""What a server counts of its sources, from its page of metrics."""

import re
import urllib.request


def calls(http: str) -> dict[str, int]:
    """Calls of metastores that were answered, by method, and listings of folders as `list`."""
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    counts: dict[str, int] = {}
    for line in lines:
        if match := re.match(r'mooring_metastore_calls_total\{.*method="(\w+)".*\} (\d+)', line):
            counts[match[1]] = counts.get(match[1], 0) + int(match[2])
        if match := re.match(r'mooring_storage_requests_total\{operation="list".*\} (\d+)', line):
            counts["list"] = counts.get("list", 0) + int(match[1])
    return counts
