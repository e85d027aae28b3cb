"""pymerkle's hashing: nodes and leaves a second, on one core.

    python -m benchmarks.peers.pymerkle_hashing

Prints one JSON object.
"""

import argparse
import json
import random
from typing import Final

from pymerkle import InmemoryTree

from benchmarks.pace import calls_per_cpu_s
from benchmarks.records import make_entries

_COUNT: Final = 4_096


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description="Measure pymerkle's hashing.")
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    hasher = InmemoryTree(algorithm="sha256")  # its own hasher
    source = random.Random(1)
    pairs = [(source.randbytes(32), source.randbytes(32)) for _ in range(_COUNT)]
    entries = list(make_entries(_COUNT, seed=1))

    def nodes() -> None:
        for left, right in pairs:
            hasher.hash_pair(left, right)

    def leaves() -> None:
        for entry in entries:
            hasher.hash_buff(entry)

    rates = {
        "nodes": calls_per_cpu_s(nodes, given.seconds) * _COUNT,
        "leaves": calls_per_cpu_s(leaves, given.seconds) * _COUNT,
    }
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
