"""pymerkle's proofs, in memory: made and verified a second, on one core.

    python -m benchmarks.peers.pymerkle_tree --entries 1000000

Prints one JSON object.  The tree holds the same entries as the log under test.
"""

import argparse
import json
import random
from typing import Final

from pymerkle import InmemoryTree, verify_inclusion

from benchmarks.pace import calls_per_cpu_s
from benchmarks.records import make_entries

_PROOFS: Final = 1_000


def main() -> None:
    """Build the tree, measure, print."""
    parser = argparse.ArgumentParser(description="Measure pymerkle.")
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    tree = InmemoryTree(algorithm="sha256")
    for entry in make_entries(given.entries, seed=1):
        tree.append_entry(entry)
    root = tree.get_root(given.entries)
    indexes = random.Random(1).sample(range(1, given.entries + 1), _PROOFS)
    proofs = [tree.prove_inclusion(index, given.entries) for index in indexes]
    claims = [
        (tree.get_leaf(index), proof)
        for index, proof in zip(indexes, proofs, strict=True)
    ]

    def prove() -> None:
        for index in indexes:
            tree.prove_inclusion(index, given.entries)

    def verify() -> None:
        for leaf, proof in claims:
            verify_inclusion(leaf, root, proof)

    rates = {
        "prove": calls_per_cpu_s(prove, given.seconds) * _PROOFS,
        "verify": calls_per_cpu_s(verify, given.seconds) * _PROOFS,
    }
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
