"""add-checkpoint: one answer for each line of the specification's table.

Source: C2SP tlog-witness, "add-checkpoint".
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.http import Answer, ask
from tests.support.refused import require_told
from tests.support.witnessing import (
    SIZE_TYPE,
    TEXT_TYPE,
    History,
    Served,
    StillClock,
    add_body,
    histories,
    require_cosigned,
    running_witness,
)
from tests.tlogverify.actors import (
    COSIGNATURE,
    EMPTY_HEAD,
    LOG,
    MLDSA44,
    OTHER_LOG,
    STRANGER,
    TIME_S,
    Head,
    note,
)

HONEST, FORKED = histories(12, common=3)
KNOWN = 3
FIVE = HONEST.head(5)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A witness of both key types that has cosigned a head of 3 leaves."""
    async with running_witness(tmp_path / "w", LOG, clock=StillClock()) as found:
        assert 200 == (await found.add(HONEST.request(0, KNOWN))).status
        yield found


@dataclass(frozen=True)
class Draft:
    """A request from 3 to 5 leaves, in its parts."""

    old: int = KNOWN
    path: tuple[bytes, ...] = tuple(HONEST.path(KNOWN, 5))
    head: Head = FIVE
    signs: Callable[[Head], bytes] = LOG.line
    after: bytes = b""

    def encode(self) -> bytes:
        signed = note(self.head, self.signs(self.head))
        return add_body(self.old, self.path, signed) + self.after


def flip(value: bytes, at: int = -1) -> bytes:
    """Return `value` with one bit changed."""
    changed = bytearray(value)
    changed[at] ^= 1
    return bytes(changed)


@dataclass(frozen=True)
class Rule:
    """One way to break one rule, and its answer."""

    title: str
    breaks: Callable[[Draft], Draft]
    status: int
    token: str
    detail: str = ""


RULES = [
    Rule("form", lambda it: replace(it, after=b"x"), 400, "invalid-request"),
    Rule(
        "origin",
        lambda it: replace(it, head=replace(it.head, origin="log.example/no")),
        404,
        "unknown-origin",
    ),
    Rule(
        "root of nothing",
        lambda it: replace(it, head=replace(it.head, size=0)),
        422,
        "unproven",
        "the root of the empty tree",
    ),
    Rule(
        "no trusted line",
        lambda it: replace(it, signs=STRANGER.line),
        403,
        "unproven-signature",
        "no trusted key",
    ),
    Rule(
        "extension",
        lambda it: replace(it, head=replace(it.head, extensions=("x",))),
        400,
        "invalid-request",
        "extension lines",
    ),
    Rule(
        "old above size",
        lambda it: replace(it, old=9),
        400,
        "invalid-request",
        "old is at most the size",
    ),
    Rule("stale", lambda it: replace(it, old=2), 409, ""),
    Rule(
        "proof",
        lambda it: replace(it, path=(flip(it.path[0]), *it.path[1:])),
        422,
        "unproven",
        "consistency proof",
    ),
]
# Both would set the old size; and what is above the size is not the known one either.
PAIRS = [
    (first, second)
    for first, second in combinations(RULES, 2)
    if (first.title, second.title) != ("old above size", "stale")
]


def require_answered(answer: Answer, rule: Rule) -> None:
    if rule.status == 409:
        require_size(answer, KNOWN)
    else:
        require_told(answer, rule.status, rule.token, rule.detail)


def require_size(answer: Answer, size: int) -> None:
    assert (409, b"%d\n" % size) == (answer.status, answer.body), answer
    assert SIZE_TYPE == answer.headers["content-type"]


async def require_still(served: Served, size: int | None) -> None:
    """Assert that nothing has changed: neither what is served nor what is known."""
    assert size == await served.cosigned_size()
    probe = await served.add(add_body(size - 1 if size else 1, (), HONEST.note(12)))
    require_size(probe, size or 0)


async def test_a_head_that_extends_the_last_one_is_cosigned_by_all_keys(
    served: Served,
) -> None:
    answer = await served.add(Draft().encode())
    assert (200, TEXT_TYPE) == (answer.status, answer.headers["content-type"])
    require_cosigned(answer.body, HONEST.head(5), served.keys, time_s=TIME_S)
    assert [COSIGNATURE, MLDSA44] == [key.key_type for key in served.keys]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.title)
async def test_one_broken_rule_has_its_answer_and_changes_nothing(
    served: Served, rule: Rule
) -> None:
    require_answered(await served.add(rule.breaks(Draft()).encode()), rule)
    await require_still(served, KNOWN)


async def test_of_two_broken_rules_the_first_one_is_answered(served: Served) -> None:
    for first, second in PAIRS:
        body = second.breaks(first.breaks(Draft())).encode()
        require_answered(await served.add(body), first)
    await require_still(served, KNOWN)


@pytest.mark.parametrize("size", range(13))
async def test_another_root_of_the_size_cosigned_last_is_refused(
    tmp_path: Path, size: int
) -> None:
    async with running_witness(tmp_path / "w", LOG, keys="ed25519") as served:
        assert 200 == (await served.add(HONEST.request(0, size))).status
        head = replace(HONEST.head(size), root=bytes(32))
        answer = await served.add(add_body(size, (), note(head, LOG.line(head))))
        require_told(answer, 422, "unproven", "root")
        await require_still(served, size)


@pytest.mark.parametrize("old", range(13))
async def test_every_other_old_size_is_told_the_known_one(
    served: Served, old: int
) -> None:
    """Also with a proof that is right from that size on."""
    answer = await served.add(HONEST.request(old, 12))
    if old == KNOWN:
        assert 200 == answer.status
    else:
        require_size(answer, KNOWN)


async def test_each_hash_of_a_proof_counts_at_every_pair_of_sizes(
    tmp_path: Path,
) -> None:
    clock = StillClock()
    for old in range(1, 12):
        folder = tmp_path / str(old)
        async with running_witness(folder, clock=clock, keys="ed25519") as served:
            assert 200 == (await served.add(HONEST.request(0, old))).status
            path = HONEST.path(old, 12)
            others = [
                *(
                    [*path[:at], flip(it), *path[at + 1 :]]
                    for at, it in enumerate(path)
                ),
                *([*path[:at], *path[at + 1 :]] for at in range(len(path))),
                [*path, bytes(32)],
                [bytes(32), *path],
            ]
            if len(path) > 1:
                others.append(path[::-1])
            for other in others:
                answer = await served.add(add_body(old, other, HONEST.note(12)))
                require_told(answer, 422, "unproven", "")
            await require_still(served, old)
            assert 200 == (await served.add(HONEST.request(old, 12))).status


@pytest.mark.parametrize("size", [1, 2, 5, 12])
async def test_a_proof_from_nothing_is_empty(tmp_path: Path, size: int) -> None:
    async with running_witness(tmp_path / "w") as served:
        body = add_body(0, [bytes(32)], HONEST.note(size))
        require_told(await served.add(body), 422, "unproven", "no hashes")
        await require_still(served, None)
        assert 200 == (await served.add(HONEST.request(0, size))).status


async def test_a_refresh_states_the_new_time_and_takes_no_proof(
    tmp_path: Path,
) -> None:
    clock = StillClock()
    async with running_witness(tmp_path / "w", clock=clock) as served:
        for later_s in (0, 1, 3600):
            clock.seconds = TIME_S + later_s
            old = 0 if later_s == 0 else 5
            answer = await served.add(HONEST.request(old, 5))
            require_cosigned(
                answer.body, HONEST.head(5), served.keys, time_s=TIME_S + later_s
            )
            assert answer.body in (await served.newest()).body
        body = add_body(5, [bytes(32)], HONEST.note(5))
        require_told(await served.add(body), 422, "unproven", "")


async def test_the_empty_tree_is_cosigned_refreshed_and_extended(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w") as served:
        empty = add_body(0, (), note(EMPTY_HEAD, LOG.line(EMPTY_HEAD)))
        for _ in range(2):
            answer = await served.add(empty)
            assert 200 == answer.status
            require_cosigned(answer.body, EMPTY_HEAD, served.keys)
        assert 0 == await served.cosigned_size()
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        require_size(await served.add(empty), 5)


async def test_the_largest_size_is_cosigned_and_one_more_is_no_number(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w", keys="ed25519") as served:
        head = Head(size=2**63, root=bytes(32))
        answer = await served.add(add_body(0, (), note(head, LOG.line(head))))
        require_told(answer, 400, "invalid-request", "decimal")
        head = replace(head, size=2**63 - 1)
        answer = await served.add(add_body(0, (), note(head, LOG.line(head))))
        require_cosigned(answer.body, head, served.keys)
        require_size(await served.add(HONEST.request(0, 1)), 2**63 - 1)


async def test_two_logs_are_apart(tmp_path: Path) -> None:
    other = History(rfc6962.leaf_hashes(9, "other"), OTHER_LOG)
    async with running_witness(tmp_path / "w", LOG, OTHER_LOG) as served:
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        require_size(await served.add(other.request(1, 9)), 0)
        answer = await served.add(other.request(0, 9))
        require_cosigned(answer.body, other.head(9), served.keys)
        assert 5 == await served.cosigned_size()
        assert 9 == await served.cosigned_size(OTHER_LOG.name)


async def test_the_state_is_told_to_nobody_who_does_not_sign(served: Served) -> None:
    """A stranger learns no size: 403 comes before 409."""
    draft = replace(Draft(), old=0, signs=STRANGER.line)
    require_told(await served.add(draft.encode()), 403, "unproven-signature", "")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_only_a_post_adds(served: Served, method: str) -> None:
    answer = await ask(
        served.url, "/add-checkpoint", method=method, body=Draft().encode()
    )
    assert (405, "POST") == (answer.status, answer.headers["allow"])


async def test_any_media_type_is_taken_and_no_coding(served: Served) -> None:
    body = Draft().encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    post = {"method": "POST", "headers": headers, "body": body}
    answer = await ask(served.url, "/add-checkpoint", **post)  # type: ignore[arg-type]  # named in a dict
    require_told(answer, 415, "unsupported-media-type", "")
    del headers["Content-Encoding"]
    assert 200 == (await ask(served.url, "/add-checkpoint", **post)).status  # type: ignore[arg-type]  # as above


async def test_a_prefix_stands_before_every_endpoint(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w", prefix="/w1") as served:
        assert served.url.endswith("/w1")
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        assert 5 == await served.cosigned_size()
        bare = served.url.removesuffix("/w1")
        answer = await ask(bare, "/add-checkpoint", method="POST", body=b"")
        assert 404 == answer.status
