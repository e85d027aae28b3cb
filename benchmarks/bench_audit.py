"""A whole-log audit from a local folder: entries a second for each core."""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving
from tlog import hashing
from tlogverify import Checkpoint, open_checkpoint, parse_verifier_key
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

QUESTION: Final = "How many entries a second does an audit of a whole log re-verify?"
METHOD: Final = """
    `tlog fsck DIR` on a stopped log, the command with its start-up, by its CPU time
    (user and system), once with all that it checks and once with --tree-only.  Beside
    it the least that an audit can do: read each bundle, hash its leaves, hash the tree
    above them, compare with the signed root; one process, CPU time.  The files are in
    the kernel's cache.
"""
_BUNDLES: Final = 64


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 2_000_000, 50_000))
    figures: dict[str, list[float]] = {}
    with scratch_folder() as folder:
        with serving(folder) as log:
            # In steps, so that the load generator stays small.
            for nth, start in enumerate(range(0, given.entries, 500_000)):
                log.fill(min(500_000, given.entries - start), seed=nth)
            key = parse_verifier_key(log.key.encode())
        note = (folder / "public" / "checkpoint").read_bytes()
        checkpoint = open_checkpoint(note, key)
        assert checkpoint.size == given.entries
        for _ in range(given.runs):
            cpu_s, wall_s = _fsck(folder, given.entries)
            found = {"fsck": cpu_s, "wall": wall_s}
            found["tree"] = _fsck(folder, given.entries, "--tree-only")[0]
            found["minimal"] = _audit(folder / "public", checkpoint)
            for name, used_s in found.items():
                figures.setdefault(name, []).append(given.entries / used_s)
    Result(
        name="bench_audit",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("tlog fsck, all checks, one core", "/s", figures["fsck"]),
            Measure("tlog fsck, all checks, by the wall clock", "/s", figures["wall"]),
            Measure(
                "whole-log audit (tlog fsck --tree-only), one core",
                "/s",
                figures["tree"],
                1_000_000,
            ),
            Measure("the least an audit can do, one core", "/s", figures["minimal"]),
        ],
        settings={"entries": given.entries},
        is_quick=given.quick,
    ).finish()


def _fsck(folder: Path, entries: int, *flags: str) -> tuple[float, float]:
    """Return the CPU and wall time of the command; stop unless it finds all whole."""
    command = [sys.executable, "-m", "tlog", "fsck", "--json", *flags, str(folder)]
    begun_s = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = perf_counter() - begun_s
    assert process.returncode == 0, said
    assert said["published_size"] == said["signed_size"] == entries, said
    return used.ru_utime + used.ru_stime, wall_s


def _audit(public: Path, checkpoint: Checkpoint) -> float:
    """Return the CPU time of the least that an audit does; stop if the root differs."""
    begun_s = process_time()
    roots: list[bytes] = []
    full, rest = divmod(checkpoint.size, TILE_WIDTH)
    for first in range(0, full, _BUNDLES):
        leaf_hashes = [
            hashing.bundle_leaf_hashes(
                (public / Tile(ENTRIES, nth).path).read_bytes(), TILE_WIDTH
            )
            for nth in range(first, min(first + _BUNDLES, full))
        ]
        roots.append(hashing.subtree_roots(b"".join(leaf_hashes)))
    if rest:
        bundle = (public / Tile(ENTRIES, full, rest).path).read_bytes()
        roots.append(hashing.root(hashing.bundle_leaf_hashes(bundle, rest)))
    assert hashing.root(b"".join(roots)) == checkpoint.root, "another root"
    return process_time() - begun_s


if __name__ == "__main__":
    main()
