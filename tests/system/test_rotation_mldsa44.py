"""A log's ML-DSA-44 key joins, changes and retires, for those who believe it alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.cases import case
from tests.system.rotating import forge, submit
from tests.system.server import ServerProcess, run_tlog
from tlogclient.keychanges import ChangeKind, parse_key_change
from tlogverify import Policy, Proof
from tlogverify.bundles import parse_bundle
from tlogverify.errors import SignatureError
from tlogverify.hashing import leaf_hash
from tlogverify.keys import KeyType, parse_verifier_key

ORIGIN = "log.example/rotates"
ROTATE = ("--mldsa44", "--json")


class Rotated(NamedTuple):
    """A log after its ML-DSA-44 key has changed.

    policies: of each time, without the Ed25519 key.  told: what each step said.
    """

    folder: Path
    policies: dict[str, Policy]
    told: list[dict[str, object]]

    def verify(self, policy: str, time: str) -> None:
        """Verify the proof of a time with a policy; raises as the verifier does."""
        proof = Proof.read(self.folder / f"{time}.tlog-proof")
        proof.verify(leaf_hash(proof.extra or b""), self.policies[policy])


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotated]:
    folder = tmp_path_factory.mktemp("rotation")
    made = Rotated(folder, {}, [])
    server = ServerProcess(folder / "log", origin=ORIGIN)
    try:
        for time, policy, step in (
            ("alone", "none", ()),
            ("before", "old", ()),
            ("during", "both", ("--retire", "--early")),
            ("after", "new", None),
        ):
            submit(server, folder / time)
            made.policies[policy] = _without_ed25519(folder / "log" / "policy")
            if step is not None:
                done = run_tlog("rotate-key", folder / "log", *ROTATE, *step)
                assert 0 == done.returncode, done.stderr
                made.told.append(json.loads(done.stdout))
            # From the first step on the log signs with both types.
            server = ServerProcess(folder / "log", "--mldsa44", origin=ORIGIN)
        forge(folder, "log.mldsa44")
        yield made
    finally:
        server.end()


def _without_ed25519(path: Path) -> Policy:
    lines = path.read_bytes().splitlines(keepends=True)
    return Policy.parse(b"".join(it for it in lines if not _is_of_ed25519(it)))


def _is_of_ed25519(line: bytes) -> bool:
    is_key = line.startswith(b"log ")
    return is_key and (parse_verifier_key(line.split()[1]).key_type is KeyType.ED25519)


NO_KEY = "no trusted log key"
CELLS = {
    ("old", "before"): "",
    ("old", "during"): "",
    ("old", "after"): NO_KEY,
    ("both", "before"): "",
    ("both", "during"): "",
    ("both", "after"): "",
    ("new", "before"): "",
    ("new", "during"): "",
    ("new", "after"): "",
    ("new", "alone"): NO_KEY,
    ("new", "late"): "only a key that retired at size 100 signed this head of 101",
}


def test_each_policy_of_that_type_alone_judges_each_time(rotated: Rotated) -> None:
    for (policy, time), why in CELLS.items():
        with case(f"{policy}, {time}"):
            if why:
                with pytest.raises(SignatureError, match=why):
                    rotated.verify(policy, time)
            else:
                rotated.verify(policy, time)


def test_who_knows_the_ed25519_key_alone_verifies_all(rotated: Rotated) -> None:
    keys = (rotated.folder / "log" / "log.vkey").read_text().split()
    ed25519 = Policy.parse(f"log {keys[0]}\nquorum none\n".encode())
    for time in ("alone", "before", "during", "after"):
        proof = Proof.read(rotated.folder / f"{time}.tlog-proof")
        proof.verify(leaf_hash(proof.extra or b""), ed25519)
    assert 0 == run_tlog("fsck", rotated.folder / "log").returncode


def test_the_log_says_so_at_known_indexes(rotated: Rotated) -> None:
    bundle = rotated.folder / "log" / "public" / "tile" / "entries" / "000.p" / "101"
    entries = parse_bundle(bundle.read_bytes(), 101)
    first, *_ = (rotated.folder / "log" / "log.vkey").read_bytes().split()
    known, found = [parse_verifier_key(first)], []
    for index, entry in enumerate(entries):
        change = parse_key_change(entry, known, entries[index + 1 :])
        if change is not None:
            known.append(change.new)
            found.append((index, change.kind, change.old.key_type, change.length))
    assert [
        (1, ChangeKind.JOINS, KeyType.ED25519, 23),
        (25, ChangeKind.JOINS, KeyType.MLDSA44, 37),
        (63, ChangeKind.RETIRES, KeyType.MLDSA44, 37),
    ] == found
    assert [1, 25, 63] == [it["index"] for it in rotated.told]


def test_a_stolen_key_is_revoked_and_a_step_out_of_turn_refused(
    tmp_path: Path,
) -> None:
    server = ServerProcess(tmp_path / "log", origin=ORIGIN)
    rotate = ("rotate-key", tmp_path / "log", *ROTATE)
    try:
        submit(server, tmp_path / "app")
        refused: list[tuple[tuple[str | Path, ...], str]] = [
            (("--retire",), "one key signs: join another one"),
            (("--revoke-from", "0"), "the log has no ML-DSA-44 key"),
            (("--new-key", "ssh-agent:SHA256:" + "A" * 43), "is a file"),
            (("--new-key", tmp_path / "log/keys/log.ed25519"), "of another type"),
        ]
        for wrong, said in refused:
            done = run_tlog(*rotate, *wrong)
            assert (True, False) == (said in done.stderr, done.returncode == 0), said
        assert not (tmp_path / "log" / "keys" / "rotation.json").exists()
        # A log whose setting made the key: it changes from then on.
        server = ServerProcess(tmp_path / "log", "--mldsa44", origin=ORIGIN)
        submit(server, tmp_path / "doubtful")
        done = run_tlog(*rotate, "--revoke-from", "1")
        assert 0 == done.returncode, done.stderr
        policy = _without_ed25519(tmp_path / "log" / "policy")
        doubtful = Proof.read(tmp_path / "doubtful.tlog-proof")
        with pytest.raises(SignatureError, match="retired at size 1"):
            doubtful.verify(leaf_hash(doubtful.extra or b""), policy)
        # Its Ed25519 key changes for itself, and the other type's eras stay.
        assert 0 == run_tlog("rotate-key", tmp_path / "log").returncode
        server.start()
        types = [parse_verifier_key(it.encode()) for it in server.told["verifier_keys"]]
        assert ["ED25519", "ED25519", "MLDSA44"] == [it.key_type.name for it in types]
    finally:
        server.end()


def test_a_first_key_whose_joining_was_killed_signs_nothing_yet(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", "--mldsa44", origin=ORIGIN)
    plain = ServerProcess(tmp_path / "log", origin=ORIGIN)
    rotate = ("rotate-key", tmp_path / "log", *ROTATE)
    try:
        plain.start()
        assert 0 == plain.terminate()
        assert 0 == run_tlog(*rotate).returncode
        file = tmp_path / "log" / "keys" / "rotation.json"
        ed25519, mldsa44 = json.loads(file.read_bytes())["keys"]
        pending = {**mldsa44, "joined": None}
        # As if the process had ended between the key and the log's entry.
        file.write_text(json.dumps({"version": 1, "keys": [ed25519, pending]}))
        assert [ed25519["vkey"]] == server.start().told["verifier_keys"]
        assert 0 == server.terminate()
        assert 0 == run_tlog(*rotate).returncode
        anew = json.loads(file.read_bytes())["keys"]
        assert [ed25519, {**mldsa44, "joined": 23}] == anew
        assert [ed25519["vkey"], mldsa44["vkey"]] == server.start().told[
            "verifier_keys"
        ]
    finally:
        server.end()
        plain.end()
