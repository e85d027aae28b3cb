"""Reading the list of logs, from a file or a URL; what cannot be read adds nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.faults.faulty import Fault
from tests.oracle import rfc6962
from tests.support.commits import breaks
from tests.support.witnessing import (
    NAME,
    History,
    Served,
    histories,
    running_witness,
    witness_settings,
)
from tests.tlogverify.actors import ED25519, LOG, OTHER_LOG, Actor
from tlog.errors import FatalError
from tlog.witness.lists import ListedLogs
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.opening import OpenWitness
from tlog.witness.roster import MAX_LIST_BYTES, KnownLog, Roster

ONE, TWO = histories(12, common=3)
OTHER = History(rfc6962.leaf_hashes(9, "other"), OTHER_LOG)
HOSTILE = Actor(LOG.name, ED25519, "a list's")

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listed(*logs: Actor, origin: str = "") -> bytes:
    named = f"origin {origin}\n".encode() if origin else b""
    entries = [b"vkey %s\n%sqpd 24\ncontact us\n" % (it.vkey, named) for it in logs]
    return b"logs/v0\n" + b"".join(entries)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list"
    path.write_bytes(listed(OTHER_LOG))
    return path


def write(file: Path, text: bytes) -> None:
    file.write_bytes(text)


def remove(file: Path) -> None:
    file.unlink()


async def require_other(folder: Path, source: str) -> None:
    async with running_witness(folder, log_list=source) as served:
        assert 200 == await add_other(served)


async def add_other(served: Served) -> int:
    return (await served.add(OTHER.request(0, 9))).status


async def test_a_log_of_the_list_is_cosigned_from_the_first_request_on(
    tmp_path: Path, file: Path
) -> None:
    async with running_witness(tmp_path / "w", log_list=str(file)) as served:
        assert 200 == await add_other(served)
        assert 200 == (await served.add(ONE.request(0, 5))).status
        assert 2 == len(served.witness.roster)


async def test_a_log_that_the_list_no_longer_names_stays_known(
    tmp_path: Path, file: Path
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder, log_list=str(file)) as served:
        assert 200 == await add_other(served)
    write(file, listed())
    async with running_witness(folder, log_list=str(file)) as served:
        assert 200 == (await served.add(OTHER.request(9, 9))).status
    remove(file)
    async with running_witness(folder) as served:
        assert 200 == (await served.add(OTHER.request(9, 9))).status


async def test_a_list_hands_no_known_log_to_another_key(
    tmp_path: Path, file: Path
) -> None:
    """Neither a log that the operator has named, nor one that was listed before."""
    folder = tmp_path / "w"
    async with running_witness(folder, log_list=str(file)) as served:
        assert 200 == await add_other(served)
    thief = Actor(OTHER_LOG.name, ED25519, "thief")
    write(file, listed(HOSTILE, thief))
    stolen = [History(ONE.tree.leaves, HOSTILE), History(ONE.tree.leaves, thief)]
    for _ in range(2):
        async with running_witness(folder, log_list=str(file)) as served:
            for history in stolen:
                assert 403 == (await served.add(history.request(0, 5))).status
            assert 200 == (await served.add(OTHER.request(9, 9))).status


async def test_what_the_operator_says_comes_before_an_older_list(
    tmp_path: Path, file: Path
) -> None:
    folder = tmp_path / "w"
    write(file, listed(HOSTILE))
    async with running_witness(folder, OTHER_LOG, log_list=str(file)) as served:
        assert 2 == len(served.witness.roster)
    async with running_witness(folder, LOG, log_list=str(file)) as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        other = History(ONE.tree.leaves, HOSTILE)
        assert 403 == (await served.add(other.request(5, 9))).status


@pytest.mark.parametrize(
    "text",
    [
        listed(Actor(NAME, ED25519, "a list's"), OTHER_LOG),
        listed(LOG, origin=NAME),
        listed(Actor(NAME, ED25519, "a list's"), origin="log.example/free"),
    ],
)
async def test_a_list_with_the_witnesss_own_name_does_not_stop_the_next_start(
    tmp_path: Path, file: Path, text: bytes
) -> None:
    folder = tmp_path / "w"
    write(file, text)
    for _ in range(2):
        async with running_witness(folder, log_list=str(file)) as served:
            assert NAME not in [
                it.origin for it in served.witness.roster._logs.values()
            ]
            assert 200 == (await served.add(ONE.request(0, 5))).status or True
    async with running_witness(folder) as served:
        assert served.url


class Told:
    """What is remembered, and one list that is read by hand."""

    def __init__(self, source: str) -> None:
        self.remembered: list[KnownLog] = []
        self.roster = Roster([], NAME)
        self.metrics = WitnessMetrics()
        self.lists = ListedLogs(
            source, self.roster, self.remembered.extend, self.metrics
        )

    async def require_unread(self) -> None:
        await self.lists.read_once()
        assert 0 == len(self.roster)
        assert [] == self.remembered
        assert b"tlog_witness_list_failures_total 1.0" in self.metrics.render()


@pytest.mark.parametrize(
    "content", [b"", b"logs/v1\n", listed(LOG)[:-9], listed(LOG, OTHER_LOG) + b"x\n"]
)
async def test_a_file_that_is_no_list_adds_nothing(file: Path, content: bytes) -> None:
    write(file, content)
    await Told(str(file)).require_unread()


async def test_a_file_that_cannot_be_read_adds_nothing(
    tmp_path: Path, file: Path
) -> None:
    await Told(str(tmp_path / "none")).require_unread()
    await Told(str(tmp_path)).require_unread()
    await Told(str(tmp_path / ("x" * 5_000))).require_unread()
    with file.open("wb") as large:
        large.truncate(MAX_LIST_BYTES + 1)
    await Told(str(file)).require_unread()


@asynccontextmanager
async def listing(answering: Answering) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", answering)
    async with TestServer(app) as server:
        yield str(server.make_url("/list"))


def answer(**parts: object) -> Answering:
    async def respond(_: web.Request) -> web.StreamResponse:
        return web.Response(**parts)  # type: ignore[arg-type]  # each by its field

    return respond


async def endless(request: web.Request) -> web.StreamResponse:
    """A list without a length that begins well and goes on past the bound."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(listed(LOG))
    chunk = b"#" * (1 << 22)
    for _ in range(64):
        try:
            await response.write(chunk)
        except ConnectionError:
            return response
    await response.write(b"\n")
    return response


async def cut_short(request: web.Request) -> web.StreamResponse:
    whole = listed(LOG, OTHER_LOG)
    response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
    await response.prepare(request)
    await response.write(listed(LOG))
    assert request.transport is not None
    request.transport.abort()
    return response


GZIP = {"Content-Encoding": "gzip"}
UNREAD: list[tuple[str, Answering]] = [
    ("404", answer(status=404, body=listed(LOG))),
    ("500", answer(status=500, body=listed(LOG))),
    ("204", answer(status=204)),
    ("a redirect", answer(status=302, headers={"Location": "/other"})),
    ("a redirect with a list", answer(status=301, body=listed(LOG))),
    ("no list", answer(body=b"<html>")),
    ("compressed", answer(body=listed(LOG), headers=GZIP)),
    ("without end", endless),
    ("cut short", cut_short),
]


@pytest.mark.parametrize(
    "answering", [it[1] for it in UNREAD], ids=[it[0] for it in UNREAD]
)
async def test_an_answer_that_is_no_list_adds_nothing(answering: Answering) -> None:
    async with listing(answering) as url:
        await Told(url).require_unread()


async def test_a_list_at_a_url_is_read_whatever_its_type(tmp_path: Path) -> None:
    body = listed(OTHER_LOG)
    for media_type in ("text/plain", "application/octet-stream", "image/png"):
        folder = tmp_path / media_type.replace("/", "-")
        async with listing(answer(body=body, content_type=media_type)) as url:
            await require_other(folder, url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/list", "http://", "http://[", "https://127.0.0.1:1/"]
)
async def test_a_url_that_does_not_answer_adds_nothing(url: str) -> None:
    await Told(url).require_unread()


async def test_a_silent_list_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response(body=listed(LOG))

    monkeypatch.setattr("tlog.witness.lists._READ_S", 0.01)
    async with listing(silent) as url:
        await Told(url).require_unread()
        never.set()


@pytest.mark.parametrize("step", ["BEGIN", "INSERT"])
async def test_a_log_that_cannot_be_remembered_is_not_known(
    tmp_path: Path, file: Path, step: str
) -> None:
    """Or a restart would forget a log that was cosigned."""
    settings = witness_settings(tmp_path / "w", log_list=str(file))
    witness = OpenWitness(settings)
    fault = Fault(step, 1, persists=False)
    breaks(witness, fault)
    await witness.start(lambda: None)
    assert fault.has_struck
    assert 1 == len(witness.roster)
    await witness.close()
    async with running_witness(tmp_path / "w", log_list=str(file)) as served:
        assert 2 == len(served.witness.roster)


@pytest.mark.parametrize("persists", [True, False])
async def test_a_list_of_unknown_outcome_stops_the_witness_at_the_next_head(
    tmp_path: Path, file: Path, persists: bool
) -> None:
    settings = witness_settings(tmp_path / "w", log_list=str(file))
    witness = OpenWitness(settings)
    fault = Fault("COMMIT", 1, persists)
    breaks(witness, fault)
    await witness.start(lambda: None)
    assert fault.has_struck
    assert 1 == len(witness.roster)
    with pytest.raises(FatalError, match="unknown"):
        await witness.cosigner.add_checkpoint(ONE.request(0, 5))
    assert witness.failure is not None
    await witness.close()
    async with running_witness(tmp_path / "w") as served:
        assert (2 if persists else 1) == len(served.witness.roster)
        assert await served.cosigned_size() is None
