"""Bodies that are not in the form: 400, whatever else holds, and nothing changes.

Source: C2SP tlog-witness, signed-note, tlog-checkpoint; what they leave open (second
spellings of base64 and decimals) is refused.
"""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.http import Answer, ask, first_answer
from tests.support.refused import require_told
from tests.support.witnessing import (
    Served,
    StillClock,
    add_body,
    histories,
    running_witness,
    subtree_body,
)
from tests.tlogverify.actors import LOG, STRANGER, line, note

HONEST, _ = histories(12, common=12)
NOTE = HONEST.note(12)
HEAD = HONEST.head(12)
LINE = LOG.line(HEAD)
PATH = HONEST.path(5, 12)
GOOD = add_body(5, PATH, NOTE)
HASH = base64.b64encode(PATH[0])
ROOT = base64.b64encode(HEAD.root)
MARK = "—".encode()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A witness that has cosigned a head of 5 leaves."""
    async with running_witness(tmp_path / "w", LOG, clock=StillClock()) as found:
        assert 200 == (await found.add(HONEST.request(0, 5))).status
        yield found


def numbers(prefix: bytes, number: bytes, suffix: bytes = b"\n") -> list[bytes]:
    """Return spellings of a line's number that are none."""
    broken = [
        *(b"+" + number, b"-" + number, b"0" + number, b" " + number, number + b" "),
        *(b"", b"-0", b"00", b"0x5", number + b".0", b"5e0", b"1_0", number + b"\r"),
        *("\u0665".encode(), "\u00b2".encode(), "\uff15".encode(), b"five", b"\x00"),
        *(b"9223372036854775808", b"18446744073709551616", b"9" * 400),
    ]
    return [prefix + it + suffix for it in broken]


def hashes(good: bytes) -> list[bytes]:
    """Return spellings of a 32-byte hash that are none."""
    loose = base64.b64encode(b"\xfb" * 32)
    stray = good[:-2] + bytes([good[-2] + 1]) + b"="
    return [
        *(good[:-1], good + b"=", good[:-4], good + b"AAAA", b"=", b"A", b"!" * 44),
        *(
            b" " + good,
            good + b" ",
            good + b"\r",
            b"\t" + good,
            good[:8] + b" " + good[8:],
        ),
        *(loose.replace(b"+", b"-").replace(b"/", b"_"), good.lower()[:-1] + b"-"),
        *(stray, good.replace(b"=", b"%3D"), good.replace(b"=", b""), b"\xff" * 44),
        base64.b64encode(bytes(31)),
        base64.b64encode(bytes(33)),
        base64.b64encode(b""),
        b'"' + good + b'"',
        bytes(32),
        (b"00" * 32),
    ]


def swap(old: bytes, new: bytes, whole: bytes = GOOD) -> bytes:
    """Return `whole` with its one `old` replaced."""
    assert 1 == whole.count(old), (old, whole)
    return whole.replace(old, new)


def shapes() -> list[bytes]:
    olds = [b"", b"old\n", b"old  5\n", b"old\t5\n", b"Old 5\n", b"size 5\n", b"5\n"]
    olds += [b"old 5 5\n", b"old 5\nold 5\n", b"old 5\n\n"]
    blanks = [b"\n", b"\n\n\n", b"\n \n", b"\r\n\r\n", b"\n\n \n"]
    return [
        *(b"", b"\n", b"\n\n", b"old 5", b"old 5\n", b"old 5\n\n", b"\n\nx"),
        *(NOTE, b"\n" + GOOD, GOOD[1:], b" " + GOOD, b"\xef\xbb\xbf" + GOOD),
        *(GOOD.replace(b"\n", b"\r\n"), GOOD.replace(b"\n", b"\r"), GOOD.upper()),
        *(swap(b"old 5\n", it) for it in olds),
        *(swap(b"\n\nlog.example", it + b"log.example") for it in blanks),
    ]


def proofs() -> list[bytes]:
    return [
        *(swap(HASH, it) for it in hashes(HASH)),
        add_body(5, [PATH[0]] * 64, NOTE),
        add_body(5, [PATH[0]] * 65, NOTE),
        add_body(5, [PATH[0]] * 1_000, NOTE),
    ]


def notes() -> list[bytes]:
    """Bodies whose note breaks signed-note."""
    text = HEAD.text
    signed = [
        text,
        text + b"\n",
        text + b"\n\n",
        text + LINE,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b" ",
        NOTE + b"x",
        NOTE + b"x\n",
        NOTE + text,
        NOTE + b"\n" + LINE,
        NOTE + b"\x00\n",
        text + b"\n\n" + LINE,
        text.replace(b"\n", b"\n\n", 1) + b"\n" + LINE,
        note(HEAD, *[LINE] * 101),
        note(HEAD, LINE, *[STRANGER.line(HEAD)] * 100),
    ]
    signed += [note(HEAD, LINE, it) for it in signature_lines()]
    signed += [note(HEAD, it) for it in signature_lines()]
    return [add_body(5, PATH, it) for it in signed]


def signature_lines() -> list[bytes]:
    """Lines that are no signature lines, though of a stranger."""
    name, tail = b"stranger.example", base64.b64encode(b"abcd" + bytes(64))
    return [
        *(b"\n", b" \n", b"# comment\n", MARK + b"\n", MARK + b" \n"),
        MARK + b" " + name + b"\n",
        MARK + b" " + name + b" \n",
        MARK + b"  " + name + b" " + tail + b"\n",
        MARK + b" " + name + b"  " + tail + b"\n",
        MARK + b" " + name + b" " + tail + b" \n",
        MARK + b" " + name + b" " + tail + b"\r\n",
        MARK + b" " + name + b" " + tail + b" " + tail + b"\n",
        MARK + name + b" " + tail + b"\n",
        b"- " + name + b" " + tail + b"\n",
        "\u2013 ".encode() + name + b" " + tail + b"\n",
        b" " + MARK + b" " + name + b" " + tail + b"\n",
        MARK + b" " + name + b"\t" + tail + b"\n",
        *(
            line(it, b"abcd" + bytes(64))
            for it in ("a+b", "a\u00a0b", "a\u2028b", "x" * 256)
        ),
        MARK + b" \xff " + tail + b"\n",
        MARK + b" \xed\xa0\x80 " + tail + b"\n",
        MARK + b" " + name + b" " + tail[:-1] + b"\n",
        MARK + b" " + name + b" " + tail + b"=\n",
        MARK + b" " + name + b" !\n",
        line("stranger.example", b""),
        line("stranger.example", b"abc"),
        line("stranger.example", b"abcd"),
    ]


def checkpoints() -> list[bytes]:
    """Bodies whose signed text is no checkpoint; every line of it verifies."""
    first = HEAD.text.split(b"\n")[0] + b"\n"
    texts = [
        *(b"", b"\n", first, first + b"12\n", first + ROOT + b"\n12\n"),
        *(first + it + ROOT + b"\n" for it in numbers(b"", b"12")),
        *(first + b"12\n" + it + b"\n" for it in hashes(ROOT)),
        HEAD.text + b"\n",
        HEAD.text + b"\nx\n",
        HEAD.text + b"x\ry\n",
        HEAD.text + b"\x7f\x00\n",
        HEAD.text + b"\xff\n",
        HEAD.text + b"x\n" * 65,
        HEAD.text.replace(b"\n", b"\r\n"),
        b"\n" + HEAD.text,
        b"\x00" + HEAD.text,
        b"\t" + HEAD.text,
        b"\xff" + HEAD.text,
        b"x" * 256 + b"\n12\n" + ROOT + b"\n",
        "ü".encode() * 128 + b"\n12\n" + ROOT + b"\n",
    ]
    return [add_body(5, PATH, it + b"\n" + sign(it)) for it in texts]


def sign(text: bytes) -> bytes:
    return line(LOG.name, LOG.key_id + LOG.sign(text))


KINDS = {
    "shape": shapes(),
    "old": [swap(b"old 5\n", it) for it in numbers(b"old ", b"5")],
    "proof": proofs(),
    "note": notes(),
    "checkpoint": checkpoints(),
}


async def require_400(served: Served, path: str, bodies: list[bytes]) -> None:
    for body in bodies:
        answer = await ask(served.url, path, method="POST", body=body)
        assert 400 == answer.status, (body, answer)
        require_told(answer, 400, "invalid-request", "")
    assert 5 == await served.cosigned_size()
    assert 200 == (await served.add(GOOD)).status


@pytest.mark.parametrize("kind", KINDS)
async def test_a_body_of_another_form_is_refused(served: Served, kind: str) -> None:
    await require_400(served, "/add-checkpoint", KINDS[kind])


async def test_every_byte_that_is_missing_at_an_end_is_missed(served: Served) -> None:
    """A body that is cut, at any place, is never cosigned."""
    for end in range(len(GOOD)):
        answer = await served.add(GOOD[:end])
        assert answer.status in {400, 403}, (end, answer)
    for start in range(1, len(GOOD)):
        answer = await served.add(GOOD[start:])
        assert 400 == answer.status, (start, answer)
    assert 5 == await served.cosigned_size()


async def test_every_byte_that_is_changed_is_noticed(served: Served) -> None:
    for at in range(len(GOOD)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(GOOD)
            changed[at] ^= bit
            answer = await served.add(bytes(changed))
            assert answer.status in {400, 403, 404, 409, 422}, (at, bit, answer)
    assert 5 == await served.cosigned_size()


async def test_63_hashes_and_100_lines_are_in_the_form(served: Served) -> None:
    answer = await served.add(add_body(5, [PATH[0]] * 63, NOTE))
    require_told(answer, 422, "unproven", "")
    lines = [LINE, *[STRANGER.line(HEAD)] * 99]
    assert 200 == (await served.add(add_body(5, PATH, note(HEAD, *lines)))).status


async def test_a_log_of_16_large_lines_is_heard(served: Served) -> None:
    large = [line(f"w{n}.example", b"abcd" + bytes(2428)) for n in range(16)]
    body = add_body(5, PATH, note(HEAD, *large, LINE))
    assert 200 == (await served.add(body)).status


def subtrees() -> list[bytes]:
    tree = HONEST.tree
    subtree = base64.b64encode(tree.mth(4, 8))
    good = subtree_body(4, 8, tree.mth(4, 8), tree.subtree_path(4, 8, 12), NOTE)
    first = b"subtree 4 8\n"
    spans = [
        *(b"4 4", b"0 0", b"8 4", b"1 3", b"2 5", b"4 9", b"6 10", b"3 5", b"1 12"),
        *(
            b"0 13",
            b"8 16",
            b"12 13",
            b"0 9223372036854775807",
            b"0 9223372036854775808",
        ),
        *(b"4", b"4 8 12", b"4  8", b"4\t8", b"4,8", b"4-8", b"", b" 4 8", b"4 8 "),
    ]
    return [
        *(b"", b"\n\n", first, first + b"\n", first + b"\n" + NOTE, NOTE, GOOD),
        *(swap(first, b"subtree " + it + b"\n", good) for it in spans),
        *(swap(first, it, good) for it in numbers(b"subtree ", b"4", b" 8\n")),
        *(swap(first, it, good) for it in numbers(b"subtree 4 ", b"8")),
        *(swap(first, it, good) for it in (b"", b"Subtree 4 8\n", b"4 8\n", first * 2)),
        *(swap(subtree, it, good) for it in hashes(subtree)),
        subtree_body(4, 8, tree.mth(4, 8), [bytes(32)] * 64, NOTE),
        *(good + it for it in (b"\n", b"x", b"x\n", b"\x00")),
        good[:-1],
        good.replace(b"\n", b"\r\n"),
        b"\n" + good,
    ]


async def test_a_subtree_request_of_another_form_is_refused(served: Served) -> None:
    await require_400(served, "/sign-subtree", subtrees())


@pytest.mark.parametrize("path", ["/add-checkpoint", "/sign-subtree"])
async def test_a_body_above_128_kib_is_refused_unread(
    served: Served, path: str
) -> None:
    answer = await ask(served.url, path, method="POST", body=b"x" * (1 << 17))
    require_told(answer, 400, "invalid-request", "")
    answer = await ask(served.url, path, method="POST", body=b"x" * ((1 << 17) + 1))
    require_told(answer, 413, "too-large", "131072")
    answer = await declared(served, path, b"Content-Length: 999999999999\r\n", b"x")
    require_told(answer, 413, "too-large", "131072")
    chunk = b"%x\r\n%s\r\n" % (1 << 17, b"x" * (1 << 17))
    answer = await declared(
        served, path, b"Transfer-Encoding: chunked\r\n", chunk * 2 + b"0\r\n\r\n"
    )
    require_told(answer, 413, "too-large", "131072")


async def declared(served: Served, path: str, header: bytes, body: bytes) -> Answer:
    """Send a body with its own framing."""
    head = b"POST %s HTTP/1.1\r\nHost: w\r\nConnection: close\r\n" % path.encode()
    return await first_answer(served.url, head + header + b"\r\n" + body)


async def test_a_body_in_chunks_is_as_good(served: Served) -> None:
    chunks = b"".join(b"1\r\n" + GOOD[at : at + 1] + b"\r\n" for at in range(len(GOOD)))
    answer = await declared(
        served,
        "/add-checkpoint",
        b"Transfer-Encoding: chunked\r\n",
        chunks + b"0\r\n\r\n",
    )
    assert 200 == answer.status
