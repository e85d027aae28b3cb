"""The page's modules judge as `tlogverify` does, under Node; else this is skipped.

A browser is given the same vectors by `tests/system/test_explorer.py`.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import rfc6962
from tests.tlog.explorer import vectors
from tests.tlog.explorer.vectors import Vectors, Verdict
from tlogverify.lines import encode_base64

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "tlog" / "explorer" / "page"
JUDGE = Path(__file__).with_name("judge.mjs")
TREES = Path(__file__).with_name("trees.mjs")

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node: Debian's nodejs, 20 or newer"
)


def judged(found: Vectors, folder: Path, lacking: str = "") -> list[Verdict]:
    """Return the verdicts of the modules under Node; lacking: an algorithm."""
    file = folder / "vectors.json"
    file.write_text(json.dumps(found.document()))
    done = subprocess.run(
        ["node", str(JUDGE), str(PAGE), str(file), lacking],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "" == done.stderr
    verdicts: list[Verdict] = json.loads(done.stdout)
    return verdicts


def differing(found: Vectors, verdicts: list[Verdict]) -> list[object]:
    """Return the vectors that are judged otherwise; an unchecked one is no verdict."""
    assert len(found.expected) == len(verdicts)
    return [
        (vector, expected, verdict)
        for vector, expected, verdict in zip(
            found.vectors, found.expected, verdicts, strict=True
        )
        if verdict != expected
        and not (verdict == "unchecked" and may_be_unchecked(found, vector))
        and not (is_certified(vector) and {str} == {type(expected), type(verdict)})
    ]


def may_be_unchecked(found: Vectors, vector: dict[str, object]) -> bool:
    """Tell whether a note bears lines of ML-DSA-44, which Node 20 does not verify."""
    place = vector.get("policy")
    return isinstance(place, int) and found.bases[place] == vectors.ALL


def is_certified(vector: dict[str, object]) -> bool:
    """Tell whether a certificate signed: readers tell broken ones in other words."""
    return vector["kind"] == "sigstore" and "key" not in vector


def made(*parts: Callable[[Vectors], None]) -> Vectors:
    found = Vectors()
    for add in parts:
        add(found)
    assert len(found.vectors) == len(found.expected) > 0
    assert any(isinstance(it, list) for it in found.expected)
    assert any(isinstance(it, str) for it in found.expected)
    return found


@needs_node
def test_proofs_of_all_sizes_are_judged_the_same(tmp_path: Path) -> None:
    found = made(vectors.trees)
    assert [] == differing(found, judged(found, tmp_path))


@needs_node
def test_notes_policies_and_files_are_judged_the_same(tmp_path: Path) -> None:
    found = made(vectors.policies, vectors.notes, vectors.files)
    assert [] == differing(found, judged(found, tmp_path))


@needs_node
def test_a_browser_without_ed25519_judges_the_same(tmp_path: Path) -> None:
    found = made(vectors.notes)
    assert [] == differing(found, judged(found, tmp_path, "Ed25519"))


@needs_node
def test_bundles_are_judged_the_same(tmp_path: Path) -> None:
    found = made(lambda it: vectors.bundles(it, tmp_path))
    assert [] == differing(found, judged(found, tmp_path))


def tree_vectors() -> dict[str, Any]:
    """Return entries, paths in trees of all sizes, and where bytes of tiles change."""
    entries = [b"entry %d" % it for it in range(vectors.MOST)]
    tree = rfc6962.Tree([rfc6962.leaf_hash(it) for it in entries])
    proofs: list[dict[str, object]] = []
    for size in range(1, vectors.MOST + 1):
        root = encode_base64(tree.root(size))
        for at in range(size % 41, size, 41):
            path = [encode_base64(it) for it in tree.inclusion_path(at, size)]
            proofs.append({"size": size, "index": at, "path": path, "root": root})
            old = at + 1
            path = [encode_base64(it) for it in tree.consistency_path(old, size)]
            proofs.append({"size": size, "old": old, "path": path, "root": root})
    flips = [
        {"size": size, "index": index, "step": step}
        for size, index, step in ((5, 2, 1), (257, 256, 149), (300, 7, 149))
    ]
    encoded = [encode_base64(it) for it in entries]
    return {"entries": encoded, "proofs": proofs, "flips": flips}


def require_read(found: dict[str, Any], compared: int) -> None:
    """Require that all paths are the oracle's, and that what matters was refused."""
    assert [] == found["wrong"]
    assert compared == found["compared"]
    # Most bytes lie beside the way of the one entry; those on it are all refused.
    assert found["refused"] > 100 < found["harmless"]


@needs_node
def test_trees_are_read_from_tiles_as_the_oracle_has_them(tmp_path: Path) -> None:
    given = tree_vectors()
    file = tmp_path / "trees.json"
    file.write_text(json.dumps(given))
    done = subprocess.run(
        ["node", str(TREES), str(PAGE), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "" == done.stderr
    require_read(json.loads(done.stdout), len(given["proofs"]))


def test_the_vendored_files_are_those_that_were_read() -> None:
    folder = PAGE / "vendor"
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        str(it.relative_to(folder)): hashlib.sha256(it.read_bytes()).hexdigest()
        for it in sorted(folder.rglob("*"))
        if it.is_file()
        and it.suffix != ".ts"
        and it.name not in {"SHA256SUMS", "README.md"}
    }
    assert found == told


@pytest.mark.skipif(shutil.which("tsc") is None, reason="tsc: npm's typescript, 5")
def test_the_modules_are_typed() -> None:
    done = subprocess.run(
        ["tsc", "--project", str(JUDGE.with_name("tsconfig.json"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout)
