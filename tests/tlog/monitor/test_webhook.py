"""Alarms that are posted: signed, in order, at least once."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.support.monitored import NOW_S, Monitored
from tests.support.records import canonical, digest, record
from tests.support.static_log import StaticLog
from tests.tlog.monitor.peers import peer
from tlog.monitor.monitor import Outcome
from tlogverify.errors import FormatError

SECRET = b"a secret of some length"
WATCHES = tuple("sha256:" + digest(f"artifact {it} 0") for it in (1, 2, 3))


@dataclass
class Receiver:
    """Takes posts; statuses: what it answers first, then 204."""

    statuses: list[int] = field(default_factory=list)
    posts: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.posts.append((request.headers.copy(), await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 204)

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.posts]


@pytest.fixture
def monitored(tmp_path: Path) -> Monitored:
    log = StaticLog(tmp_path / "log")
    log.add([canonical(record(label)) for label in range(5)])
    log.publish()
    return Monitored(tmp_path, str(log.folder))


def settings(url: str, folder: Path, content: bytes = SECRET) -> dict[str, Any]:
    """Return the settings of a webhook with a secret."""
    file = folder / "secret"
    file.touch(0o600)
    file.write_bytes(content)
    return {"webhook": url, "webhook_secret_file": file, "watch": WATCHES}


async def test_alarms_are_posted_in_order_as_they_are_written(
    monitored: Monitored, tmp_path: Path
) -> None:
    receiver = Receiver()
    async with peer(receiver.answer) as url:
        assert Outcome.HITS == await monitored.look(**settings(url, tmp_path))
        assert Outcome.QUIET == await monitored.look(**settings(url, tmp_path))
    assert monitored.lines == [body.decode() for _, body in receiver.posts]
    assert [1, 2, 3] == [it["index"] for it in monitored.alarms()]
    assert [it["id"] for it in monitored.alarms()] == receiver.ids()


@pytest.mark.parametrize(
    "content",
    [SECRET, SECRET + b"\n", b"whsec_" + base64.b64encode(SECRET)],
    ids=["plain", "with a newline", "whsec"],
)
async def test_posts_are_signed(
    monitored: Monitored, tmp_path: Path, content: bytes
) -> None:
    receiver = Receiver()
    async with peer(receiver.answer) as url:
        await monitored.look(**settings(url, tmp_path, content))
    for headers, body in receiver.posts:
        assert str(NOW_S) == headers["webhook-timestamp"]
        message = f"{headers['webhook-id']}.{NOW_S}.".encode() + body
        mac = base64.b64encode(hmac.digest(SECRET, message, hashlib.sha256))
        assert f"v1,{mac.decode()}" == headers["webhook-signature"]
        assert "application/json" == headers["Content-Type"]
        assert headers["webhook-id"] == json.loads(body)["id"]


async def test_a_receiver_that_fails_twice_gets_the_same_alarm_again(
    monitored: Monitored, tmp_path: Path
) -> None:
    receiver = Receiver([503, 500])
    async with peer(receiver.answer) as url:
        await monitored.look(**settings(url, tmp_path))
    ids = receiver.ids()
    assert 5 == len(ids)
    assert ids[0] == ids[1] == ids[2]
    assert [it["id"] for it in monitored.alarms()] == ids[2:]


@pytest.mark.parametrize("status", [400, 302, 503])
async def test_what_is_not_taken_waits_for_the_next_run(
    monitored: Monitored, tmp_path: Path, status: int
) -> None:
    receiver = Receiver([204] + [status] * 4)
    async with peer(receiver.answer) as url:
        given = settings(url, tmp_path)
        assert Outcome.HITS == await monitored.look(**given)
        tried = set(receiver.ids()[1:])
        receiver.statuses.clear()
        receiver.posts.clear()
        assert Outcome.QUIET == await monitored.look(**given)
    assert 1 == len(tried)
    assert [it["id"] for it in monitored.alarms()][1:] == receiver.ids()
    assert tried == set(receiver.ids()[:1])


async def test_without_a_secret_posts_are_not_signed(
    monitored: Monitored, tmp_path: Path
) -> None:
    receiver = Receiver()
    async with peer(receiver.answer) as url:
        given = {**settings(url, tmp_path), "webhook_secret_file": None}
        await monitored.look(**given)
    assert all("webhook-signature" not in it for it, _ in receiver.posts)


async def test_alarms_from_before_the_webhook_are_not_posted(
    monitored: Monitored, tmp_path: Path
) -> None:
    await monitored.look(watch=WATCHES[:2])
    receiver = Receiver()
    async with peer(receiver.answer) as url:
        await monitored.look(**settings(url, tmp_path))
    assert 1 == len(receiver.posts)


@pytest.mark.parametrize(
    ("content", "mode"),
    [(SECRET, 0o640), (SECRET, 0o604), (b"", 0o600), (b"whsec_!", 0o600)],
)
async def test_an_unusable_secret_is_refused_and_not_shown(
    monitored: Monitored, tmp_path: Path, content: bytes, mode: int
) -> None:
    given = settings("http://127.0.0.1:1", tmp_path, content)
    given["webhook_secret_file"].chmod(mode)
    with pytest.raises(FormatError) as caught:
        await monitored.look(**given)
    assert content == b"" or content.decode() not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "http://", "http://user:word@a.example", "http://a:b"]
)
def test_a_webhook_that_is_no_url_is_refused(monitored: Monitored, url: str) -> None:
    with pytest.raises(FormatError) as caught:
        monitored.settings(webhook=url)
    assert "word" not in str(caught.value)
