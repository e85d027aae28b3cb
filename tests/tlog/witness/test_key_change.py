"""A witness whose key changes: each policy judges each time as it should."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.witnessing import NAME, histories, served, witness_settings
from tests.tlogverify.actors import LOG
from tlog.errors import RejectedError
from tlog.signing import generate_key
from tlog.witness.opening import OpenWitness
from tlog.witness.settings import WitnessSettings
from tlogverify.errors import FormatError, QuorumError
from tlogverify.keys import KeyType
from tlogverify.policy import Policy

ONE, _ = histories(10, common=3)
TIMES = {"before": (0, 3), "during": (3, 5), "after": (5, 8)}


class Changed(NamedTuple):
    """The notes of each time, and the policies of each time."""

    notes: dict[str, bytes]
    policies: dict[str, str]


def _settings(folder: Path, key_type: KeyType, time: str) -> WitnessSettings:
    """Return what the witness is started with; ML-DSA-44: its first key lies in it."""
    old, new = (f"file:{folder / name}" for name in ("old", "new"))
    first = new if time == "after" else old
    plain = witness_settings(folder / "w")
    second = new if time == "during" else ""
    if key_type is KeyType.COSIGNATURE:
        return replace(
            plain, keys="ed25519", ed25519_key=first, ed25519_second_key=second
        )
    path = folder / "w" / "keys" / "witness.mldsa44"
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.unlink(missing_ok=True)
    path.hardlink_to(first.removeprefix("file:"))
    # A key that lies there before the first start needs a word.
    is_first = time == "before"
    return replace(
        plain, keys="mldsa44", mldsa44_second_key=second, unused_keys=is_first
    )


async def changed(folder: Path, key_type: KeyType = KeyType.COSIGNATURE) -> Changed:
    """Let a witness cosign before, during and after a change of its key."""
    vkeys = {}
    for name in ("old", "new"):
        key = generate_key(NAME, key_type)
        key.write(folder / name)
        vkeys[name] = key.verifier_key
    notes = {}
    for time, (before, size) in TIMES.items():
        async with served(OpenWitness(_settings(folder, key_type, time))) as witness:
            answer = await witness.add(ONE.request(before, size))
            assert 200 == answer.status, answer.body
            notes[time] = ONE.note(size) + answer.body
    log = f"log {LOG.key.encode()}\n"
    lines = {name: f"witness {name} {key.encode()}\n" for name, key in vkeys.items()}
    both = log + lines["old"] + lines["new"]
    group = "group w any old new\nquorum w\n"
    retired = f"#!tlog retired {NAME}+{vkeys['old'].key_id.hex()} 5\n"
    return Changed(
        notes,
        {
            "old": f"{log}{lines['old']}quorum old\n",
            "both": both + group,
            "new": both + retired + group,
        },
    )


@pytest.mark.parametrize("key_type", [KeyType.COSIGNATURE, KeyType.MLDSA44])
async def test_each_policy_judges_each_time(tmp_path: Path, key_type: KeyType) -> None:
    notes, policies = await changed(tmp_path, key_type)
    refused = {("old", "after")}
    for name, text in policies.items():
        policy = Policy.parse(text.encode())
        for time, note in notes.items():
            if (name, time) in refused:
                with pytest.raises(QuorumError):
                    policy.open_checkpoint(note)
            else:
                assert policy.open_checkpoint(note).witnesses, (name, time)
    # A retired key alone, and one entry too many.
    early = policies["new"].replace(" 5\n", " 2\n").encode()
    with pytest.raises(QuorumError):
        Policy.parse(early).open_checkpoint(notes["before"])
    twice = policies["new"].replace(
        "group w", policies["new"].splitlines()[3] + "\ngroup w"
    )
    with pytest.raises(FormatError, match="does twice"):
        Policy.parse(twice.encode())


async def test_a_key_that_was_never_the_second_is_not_taken_as_the_first(
    tmp_path: Path,
) -> None:
    await changed(tmp_path)
    generate_key(NAME, KeyType.COSIGNATURE).write(tmp_path / "other")
    plain = replace(witness_settings(tmp_path / "w"), keys="ed25519")
    other, new = (f"file:{tmp_path / name}" for name in ("other", "new"))
    twice = {"ed25519_key": new, "ed25519_second_key": new}
    token = {"mldsa44_second_key": "ssh-agent:SHA256:" + "A" * 43}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"ed25519_key": other}, "is not this witness's key"),
        (twice, "is the first key too"),
        ({"ed25519_key": new, **token}, "is a file"),
    ]
    for keys, told in wrong:
        with pytest.raises(RejectedError, match=told):
            OpenWitness(replace(plain, **keys))
    assert 2 == len((tmp_path / "w" / "witness.vkey").read_text().split())
