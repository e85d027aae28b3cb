"""`tlog get`, `tlog head` and `tlog prove`, as people and scripts run them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.rfc6962 import consistency_path, leaf_hash, root
from tests.support.cases import case
from tests.system.server import ServerProcess, run_tlog, serving
from tests.tlogverify.refusal import flip
from tlogverify import Proof


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A log of five entries."""
    folder = tmp_path_factory.mktemp("asking")
    with serving(folder / "log") as running:
        for number in range(5):
            file = folder / f"{number}.bin"
            file.write_text(f"{number}")
            done = run_tlog("submit", file, *way(running))
            assert 0 == done.returncode, done.stderr
        running.wait_until_searchable(5)
        yield running


def way(server: ServerProcess) -> tuple[str | Path, ...]:
    return "--log", server.url, "--policy", server.folder / "policy"


def entries_of(server: ServerProcess) -> list[bytes]:
    """The entries' bytes, as their proof files have them."""
    folder = server.folder.parent
    proofs = [Proof.read(folder / f"{number}.bin.tlog-proof") for number in range(5)]
    return [proof.extra or b"" for proof in proofs]


def test_an_entry_the_head_and_two_sizes_are_told_as_the_oracle_has_them(
    server: ServerProcess, tmp_path: Path
) -> None:
    entries = entries_of(server)
    hashes = [leaf_hash(entry) for entry in entries]
    proof, kept = tmp_path / "three.tlog-proof", tmp_path / "head"
    done = run_tlog("get", "3", "-o", proof, *way(server))
    assert (0, entries[3].decode() + "\n", "") == (
        done.returncode,
        done.stdout,
        done.stderr,
    )
    assert (3, entries[3]) == (Proof.read(proof).index, Proof.read(proof).extra)
    done = run_tlog("get", "0", "--json", *way(server))
    expected = {"index": 0, "size": 5, "entry": entries[0].decode()}
    assert expected == json.loads(done.stdout)

    whole = base64.b64encode(root(hashes)).decode()
    done = run_tlog("head", "--json", "-o", kept, *way(server))
    expected = {"size": 5, "root": whole, "witnesses": []}
    assert expected | {"origin": "log.example/system"} == json.loads(done.stdout)
    assert (server.folder / "public/checkpoint").read_bytes() == kept.read_bytes()
    assert whole in run_tlog("head", *way(server)).stdout

    done = run_tlog("prove", "3", kept, "--json", *way(server))
    told = json.loads(done.stdout)
    assert {"size": 5, "root": whole} == told["new"]
    assert base64.b64encode(root(hashes[:3])).decode() == told["old"]["root"]
    path = [base64.b64encode(it).decode() for it in consistency_path(3, hashes)]
    assert path == told["path"]
    done = run_tlog("prove", "0", *way(server))
    assert (0, True) == (
        done.returncode,
        "of 5 entries extends that of 0" in done.stdout,
    )


def test_each_is_refused_with_the_status_that_says_who_must_act(
    server: ServerProcess, tmp_path: Path
) -> None:
    kept, foreign = tmp_path / "head", tmp_path / "policy"
    assert 0 == run_tlog("head", "-o", kept, *way(server)).returncode
    kept.write_bytes(flip(kept.read_bytes(), len(kept.read_bytes()) // 2))
    key = run_tlog("keygen", "log.example/system", "--out", tmp_path / "key")
    foreign.write_text(f"log {key.stdout.split()[-1]}\nquorum none\n")
    cases = {
        ("get", "5"): (1, "not-found"),
        ("get", "-1"): (2, ""),
        ("get", "x"): (2, "an index"),
        ("prove", "4", "3"): (1, "refused"),
        ("prove", "4", "6"): (1, "refused"),
        ("prove", str(tmp_path / "none")): (2, "No such file"),
        ("prove", str(kept)): (1, "signature"),
    }
    for arguments, (status, words) in cases.items():
        with case(" ".join(arguments)):
            done = run_tlog(*arguments, *way(server))
            assert status == done.returncode, done.stderr
            assert words in done.stderr
    for arguments in (("get", "1"), ("head",), ("prove", "1")):
        with case(f"{arguments[0]}, another log's policy"):
            done = run_tlog(
                *arguments, "--json", "--log", server.url, "--policy", foreign
            )
            assert (1, "SignatureError") == (
                done.returncode,
                json.loads(done.stdout)["kind"],
            )
