"""The load on Tessera: entries one by one, by the generator that loads this log.

    python -m benchmarks.peers.adding --url URL --entries 20000 --connections 1024

Prints one JSON object; it fails unless each entry got an index of its own.  With its
dedup Tessera refuses some requests (503): those are counted and not sent again.
"""

import argparse
import json

import uvloop

from benchmarks.connections import Client
from benchmarks.load import percentiles
from benchmarks.records import make_entries


def main() -> None:
    """Run what the arguments say and print what came of it."""
    parser = argparse.ArgumentParser(description="Put load on Tessera.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--at-once", type=int, default=0, help="1: open all at once")
    parser.add_argument("--seed", type=int, default=1, help="of the entries")
    print(json.dumps(uvloop.run(_add(parser.parse_args()))), flush=True)


async def _add(given: argparse.Namespace) -> dict[str, object]:
    requests = [
        b"POST /add HTTP/1.1\r\nHost: log\r\nContent-Length: %d\r\n\r\n%s"
        % (len(entry), entry)
        for entry in make_entries(given.entries, given.seed)
    ]
    opened = Client.to(given.url, given.connections, at_once=bool(given.at_once))
    async with opened as client:
        timing = await client.closed_loop(requests)
    indexes = [int(it.body) for it in timing.answers if it.status == 200]
    refused = sum(it.status == 503 for it in timing.answers)
    assert len(indexes) + refused == given.entries
    assert len(set(indexes)) == len(indexes)
    return {
        "entries": len(indexes),
        "refused": refused,
        "seconds": timing.seconds,
        "opening_seconds": client.opening_s,
        "latency_ms": percentiles(timing.latencies_s),
    }


if __name__ == "__main__":
    main()
