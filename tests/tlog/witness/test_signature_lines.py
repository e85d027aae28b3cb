"""add-checkpoint: whose lines are verified, refused, passed over, kept and answered.

Source: C2SP signed-note, "Signatures"; tlog-witness, "add-checkpoint".
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.refused import require_told
from tests.support.witnessing import (
    Served,
    add_body,
    histories,
    require_cosigned,
    running_witness,
)
from tests.tlogverify.actors import (
    COSIGNATURE,
    ED25519,
    LOG,
    LOG_MLDSA,
    MLDSA44,
    ORIGIN,
    OTHER_LOG,
    STRANGER,
    Actor,
    Head,
    line,
    note,
    oddly,
)

HONEST, _ = histories(12, common=12)
FIVE = HONEST.head(5)


def flip(value: bytes) -> bytes:
    """Return `value` with one bit of its last byte changed."""
    return value[:-1] + bytes([value[-1] ^ 1])


def bad_line(head: Head) -> bytes:
    return line(LOG.name, flip(LOG.key_id + LOG.body(head)))


@pytest.mark.parametrize(
    ("keys", "types"),
    [
        ("ed25519", [COSIGNATURE]),
        ("mldsa44", [MLDSA44]),
        ("both", [COSIGNATURE, MLDSA44]),
    ],
)
async def test_extension_lines_are_signed_by_ed25519_alone(
    tmp_path: Path, keys: str, types: list[object]
) -> None:
    async with running_witness(tmp_path / "w", keys=keys) as served:
        assert types == [key.key_type for key in served.keys]
        head = replace(HONEST.head(5), extensions=("first", "second — line"))
        answer = await served.add(add_body(0, (), note(head, LOG.line(head))))
        if keys == "ed25519":
            require_cosigned(answer.body, head, served.keys)
            assert (await served.newest()).body.startswith(head.text + b"\n")
        else:
            require_told(answer, 400, "invalid-request", "extension lines")
            assert await served.cosigned_size() is None


LOG_NEXT = Actor(ORIGIN, ED25519, "log, next key")
OWN_NAMES = [
    ("the log's id under another name", lambda _: (STRANGER.name, LOG.key_id)),
    ("the log's name with another id", lambda _: (LOG.name, b"abcd")),
    (
        "the witness's own name and id",
        lambda served: (served.keys[0].name, served.keys[0].key_id),
    ),
    (
        "the witness's other key",
        lambda served: (served.keys[1].name, served.keys[1].key_id),
    ),
]


@pytest.mark.parametrize(("title", "named"), OWN_NAMES, ids=[it[0] for it in OWN_NAMES])
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_line_of_no_trusted_key_is_neither_read_nor_kept(
    tmp_path: Path,
    title: str,
    named: Callable[[Served], tuple[str, bytes]],
    is_first: bool,
) -> None:
    head, good = FIVE, LOG.line(FIVE)
    async with running_witness(tmp_path / "w") as served:
        name, key_id = named(served)
        forged = line(name, key_id + bytes(72))
        lines = (forged, good) if is_first else (good, forged)
        answer = await served.add(add_body(0, (), note(head, *lines)))
        require_cosigned(answer.body, head, served.keys)
        assert forged not in answer.body
        assert note(head, good) + answer.body == (await served.newest()).body


@pytest.mark.parametrize(
    "odd",
    ["— other.example/x AAAAAAAAAAB=\n".encode(), oddly(STRANGER.line(FIVE))],
    ids=["short", "whole"],
)
async def test_an_unknown_keys_line_may_have_unused_bits(
    tmp_path: Path, odd: bytes
) -> None:
    head, good = FIVE, LOG.line(FIVE)
    async with running_witness(tmp_path / "w") as served:
        answer = await served.add(add_body(0, (), note(head, odd, good)))
        require_cosigned(answer.body, head, served.keys)
        assert note(head, good) + answer.body == (await served.newest()).body


async def test_a_known_keys_line_may_not(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as served:
        body = add_body(0, (), note(FIVE, oddly(LOG.line(FIVE))))
        require_told(await served.add(body), 400, "invalid-request", "canonical base64")
        assert await served.cosigned_size() is None


BOTH = (LOG, LOG_NEXT, LOG_MLDSA)
LINES: list[tuple[str, Callable[[Head], list[bytes]], int]] = [
    ("the first key", lambda it: [LOG.line(it)], 200),
    ("the second", lambda it: [LOG_NEXT.line(it)], 200),
    ("ML-DSA", lambda it: [LOG_MLDSA.line(it)], 200),
    ("all", lambda it: [key.line(it) for key in BOTH], 200),
    ("a bad one after a good one", lambda it: [LOG_NEXT.line(it), bad_line(it)], 403),
    ("a bad one before a good one", lambda it: [bad_line(it), LOG_NEXT.line(it)], 403),
    (
        "a bad ML-DSA line beside a good one",
        lambda it: [
            LOG.line(it),
            line(ORIGIN, flip(LOG_MLDSA.key_id + LOG_MLDSA.body(it))),
        ],
        403,
    ),
    ("the same line twice", lambda it: [LOG.line(it)] * 2, 403),
    (
        "a good one, then a bad one of that key",
        lambda it: [LOG.line(it), bad_line(it)],
        403,
    ),
    ("another log's key", lambda it: [OTHER_LOG.line(it)], 403),
    (
        "the line of another head",
        lambda it: [LOG.line(replace(it, size=it.size + 1))],
        403,
    ),
    ("a stranger's", lambda it: [STRANGER.line(it)], 403),
    (
        "a cosignature by the log's own key",
        lambda it: [Actor(ORIGIN, COSIGNATURE, "log").line(it)],
        403,
    ),
    (
        "a line cut short",
        lambda it: [line(ORIGIN, LOG.key_id + LOG.body(it)[:-1])],
        403,
    ),
]


@pytest.mark.parametrize(
    ("signs", "status"), [it[1:] for it in LINES], ids=[it[0] for it in LINES]
)
async def test_some_trusted_key_signs_and_none_of_them_wrongly(
    tmp_path: Path, signs: Callable[[Head], list[bytes]], status: int
) -> None:
    logs = (*BOTH, OTHER_LOG)
    async with running_witness(tmp_path / "w", *logs, keys="ed25519") as served:
        # Once: two signatures by an ML-DSA key differ.
        head, signed = FIVE, note(FIVE, *signs(FIVE))
        answer = await served.add(add_body(0, (), signed))
        assert status == answer.status, answer
        if status == 403:
            require_told(answer, 403, "unproven-signature", "")
            assert await served.cosigned_size() is None
        else:
            require_cosigned(answer.body, head, served.keys)
            assert signed + answer.body == (await served.newest()).body
