"""A log whose key changes: each policy judges proofs of each time as it should."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.system.rotating import forge, submit
from tests.system.server import ServerProcess, WitnessProcess, run_tlog
from tlogclient.keychanges import ChangeKind, parse_key_change
from tlogverify import Policy, Proof
from tlogverify.bundles import parse_bundle
from tlogverify.errors import SignatureError
from tlogverify.hashing import leaf_hash
from tlogverify.note import parse_note

ORIGIN = "log.example/rotates"


class Rotated(NamedTuple):
    """A log after its key has changed: files by the time in which they were written.

    told: what each step of the change said.
    """

    folder: Path
    told: dict[str, dict[str, object]]

    def policy(self, name: str) -> Policy:
        return Policy.read(self.folder / f"{name}.policy")

    def proof(self, name: str) -> Proof:
        return Proof.read(self.folder / f"{name}.tlog-proof")

    def verify(self, policy: str, time: str) -> None:
        """Verify the proof of a time with a policy; raises as the verifier does."""
        proof = self.proof(time)
        assert proof.extra is not None
        proof.verify(leaf_hash(proof.extra), self.policy(policy))


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotated]:
    folder = tmp_path_factory.mktemp("rotation")
    told = {}
    server = ServerProcess(folder / "log", origin=ORIGIN)
    try:
        for time, policy, step in (
            ("before", "old", ()),
            ("during", "both", ("--retire", "--early")),
            ("after", "new", None),
        ):
            submit(server, folder / time)
            shutil.copy(folder / "log" / "policy", folder / f"{policy}.policy")
            if step is not None:
                done = run_tlog("rotate-key", folder / "log", *step, "--json")
                assert 0 == done.returncode, done.stderr
                told[time] = json.loads(done.stdout)
        forge(folder, "log.ed25519")
        yield Rotated(folder, told)
    finally:
        server.end()


CELLS = {
    ("old", "before"): "",
    ("old", "during"): "",
    ("old", "after"): "no trusted log key",
    ("both", "before"): "",
    ("both", "during"): "",
    ("both", "after"): "",
    ("new", "before"): "",
    ("new", "during"): "",
    ("new", "after"): "",
    ("new", "late"): "only a key that retired at size 4 signed this head of 5 entries",
}


@pytest.mark.parametrize(("policy", "time"), CELLS)
def test_each_policy_judges_each_time(rotated: Rotated, policy: str, time: str) -> None:
    why = CELLS[policy, time]
    if why:
        with pytest.raises(SignatureError, match=why):
            rotated.verify(policy, time)
    else:
        rotated.verify(policy, time)


def test_who_knows_of_no_retirement_cannot_tell_a_late_head(rotated: Rotated) -> None:
    for policy in ("old", "both"):
        rotated.verify(policy, "late")


def test_both_keys_sign_while_both_are_to(rotated: Rotated) -> None:
    lines = {
        time: len(parse_note(rotated.proof(time).note).signatures)
        for time in ("before", "during", "after")
    }
    assert {"before": 1, "during": 2, "after": 1} == lines


def test_the_log_says_so_at_known_indexes(rotated: Rotated) -> None:
    bundle = rotated.folder / "log" / "public" / "tile" / "entries" / "000.p" / "5"
    entries = parse_bundle(bundle.read_bytes(), 5)
    (old,) = (it.key for it in rotated.policy("old").logs)
    found = {
        index: change
        for index, entry in enumerate(entries)
        if (change := parse_key_change(entry, [old])) is not None
    }
    assert {1: ChangeKind.JOINS, 3: ChangeKind.RETIRES} == {
        index: change.kind for index, change in found.items()
    }
    assert [1, 3] == [it["index"] for it in rotated.told.values()]
    assert 4 == found[3].number
    # Who knows a key finds its changes, as any other digest.
    named = hashlib.sha256(old.encode().encode()).hexdigest()
    assert all(named in entries[index].decode() for index in found)


def test_the_policy_of_the_log_names_both_keys_for_ever(rotated: Rotated) -> None:
    old, both, new = map(rotated.policy, ("old", "both", "new"))
    assert {it.key for it in both.logs} == {it.key for it in new.logs}
    assert [None, 4] == [it.retired for it in new.logs]
    assert old.logs[0].key == new.logs[1].key
    vkeys = (rotated.folder / "log" / "log.vkey").read_text().split()
    assert [new.logs[0].key.encode()] == vkeys
    assert 0 == run_tlog("fsck", rotated.folder / "log").returncode


def test_a_step_out_of_turn_changes_nothing(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", origin=ORIGIN)
    try:
        submit(server, tmp_path / "app")
        rotate = ("rotate-key", tmp_path / "log")
        early: list[tuple[tuple[str | Path, ...], str]] = [
            (("--retire",), "one key signs: join another one"),
            (("--days", "-1"), "--days is 0 to"),
            (("--new-key", tmp_path / "log/keys/log.ed25519"), "is no new key"),
        ]
        for wrong, said in early:
            done = run_tlog(*rotate, *wrong)
            assert (True, False) == (said in done.stderr, done.returncode == 0)
        assert not (tmp_path / "log" / "keys" / "rotation.json").exists()
        assert 0 == run_tlog(*rotate).returncode
        refused: list[tuple[tuple[str, ...], str]] = [
            ((), "two keys sign already"),
            (("--retire",), "both keys are to sign for 90 more days"),
            (("--revoke-from", "9"), "the log has no index 9"),
        ]
        for flags, said in refused:
            done = run_tlog(*rotate, *flags)
            assert (True, False) == (said in done.stderr, done.returncode == 0)
        server.start()
        done = run_tlog(*rotate, "--retire", "--early")
        assert "another process holds" in done.stderr
    finally:
        server.end()


def test_a_stolen_key_is_revoked_from_an_index(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", origin=ORIGIN)
    try:
        for name in ("good", "doubtful"):
            submit(server, tmp_path / name)
        # One key signs: a new one joins, and the old one is revoked at once.
        done = run_tlog("rotate-key", tmp_path / "log", "--revoke-from", "1", "--json")
        assert 0 == done.returncode, done.stderr
        assert "revoked" == json.loads(done.stdout)["change"]
        policy = Policy.read(tmp_path / "log" / "policy")
        proofs = {
            name: Proof.read(tmp_path / f"{name}.tlog-proof")
            for name in ("good", "doubtful")
        }
        good, doubtful = proofs["good"], proofs["doubtful"]
        good.verify(leaf_hash(good.extra or b""), policy)
        with pytest.raises(SignatureError, match="retired at size 1"):
            doubtful.verify(leaf_hash(doubtful.extra or b""), policy)
        # What was honest gets a proof by the new key: the same index, asked again.
        server.start()
        flags = ("--log", server.url, "--policy", tmp_path / "log" / "policy")
        done = run_tlog("submit", tmp_path / "doubtful", *flags, "--force")
        assert 0 == done.returncode, done.stderr
        anew = Proof.read(tmp_path / "doubtful.tlog-proof")
        anew.verify(leaf_hash(anew.extra or b""), policy)
        assert doubtful.index == anew.index
    finally:
        server.end()


def test_a_witness_that_knows_both_keys_cosigns_all_the_time(tmp_path: Path) -> None:
    made = run_tlog("keygen", ORIGIN, "--out", tmp_path / "next.key").stdout.strip()
    witness = WitnessProcess(
        tmp_path / "witness", "--keys", "ed25519", origin="witness.example/w"
    )
    log = ServerProcess(tmp_path / "log", origin=ORIGIN)
    try:
        old = log.start().told["verifier_keys"][0]
        log.terminate()
        witness.start()
        witness.terminate()
        knowing = WitnessProcess(
            tmp_path / "witness",
            *("--keys", "ed25519", "--log", old, "--log", made),
            origin="witness.example/w",
        )
        witness = knowing.start()
        policy, config = tmp_path / "witnesses", tmp_path / "tlog.toml"
        policy.write_text(f"witness w {witness.vkey} {witness.url}\nquorum w\n")
        config.write_text(f'[witness]\npolicy = "{policy}"\n')
        log = ServerProcess(tmp_path / "log", "--config", str(config), origin=ORIGIN)
        rotate = ("rotate-key", tmp_path / "log", "--config", config)
        for name, step in (
            ("before", ("--new-key", tmp_path / "next.key")),
            ("during", ("--retire", "--early")),
            ("after", None),
        ):
            submit(log, tmp_path / name)
            if step is not None:
                done = run_tlog(*rotate, *step)
                assert 0 == done.returncode, done.stderr
        last = Policy.read(tmp_path / "log" / "policy")
        for name in ("before", "during", "after"):
            proof = Proof.read(tmp_path / f"{name}.tlog-proof")
            proof.verify(leaf_hash(proof.extra or b""), last)
        assert b"w" == last.quorum
    finally:
        log.end()
        witness.end()


def test_a_log_whose_key_has_changed_can_be_moved(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", origin=ORIGIN)
    moved = ServerProcess(tmp_path / "moved", origin=ORIGIN)
    try:
        server.start()
        server.terminate()
        assert 0 == run_tlog("rotate-key", tmp_path / "log").returncode
        (tmp_path / "log").rename(tmp_path / "moved")
        assert 2 == len(moved.start().told["verifier_keys"])
    finally:
        server.end()
        moved.end()


def test_a_change_that_was_killed_goes_on_with_the_same_key(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log", origin=ORIGIN)
    try:
        submit(server, tmp_path / "app")
        assert 0 == run_tlog("rotate-key", tmp_path / "log").returncode
        file = tmp_path / "log" / "keys" / "rotation.json"
        eras = json.loads(file.read_bytes())
        pending = {
            **eras,
            "keys": [eras["keys"][0], {**eras["keys"][1], "joined": None}],
        }
        # As if the process had ended between the log's entry and this file.
        file.write_text(json.dumps(pending))
        server.start()
        assert [eras["keys"][0]["vkey"]] == server.told["verifier_keys"]
        assert 0 == server.terminate()
        other = run_tlog("rotate-key", tmp_path / "log", "--new-key", tmp_path / "x")
        assert "is under way: end it first" in other.stderr
        assert 0 == run_tlog("rotate-key", tmp_path / "log").returncode
        assert eras == json.loads(file.read_bytes())
        file.write_text('{"version": 1, "keys": []}')
        done = run_tlog("fsck", tmp_path / "log")
        refused = run_tlog("rotate-key", tmp_path / "log")
        assert (0, True) == (done.returncode, "rotation.json" in refused.stderr)
    finally:
        server.end()
