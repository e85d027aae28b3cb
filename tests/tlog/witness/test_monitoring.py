"""The newest cosigned checkpoint of a log, as anyone may read it.

Source: C2SP tlog-witness, "monitoring".
"""

import hashlib
from pathlib import Path

import pytest

from tests.support.http import ask
from tests.support.refused import require_told
from tests.support.witnessing import (
    TEXT_TYPE,
    History,
    hashed,
    histories,
    require_cosigned,
    running_witness,
)
from tests.tlogverify.actors import ED25519, LOG, Actor

HONEST, _ = histories(12, common=12)


async def test_a_log_that_was_never_cosigned_has_no_checkpoint(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as served:
        require_told(await served.newest(), 404, "never-cosigned", "")
        require_told(await served.newest("log.example/no"), 404, "never-cosigned", "")
        assert 409 == (await served.add(HONEST.request(1, 5))).status
        require_told(await served.newest(), 404, "never-cosigned", "")


async def test_it_is_the_logs_lines_and_the_cosignatures_as_they_were_answered(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w") as served:
        for old, size in ((0, 1), (1, 5), (5, 5), (5, 12)):
            answer = await served.add(HONEST.request(old, size))
            require_cosigned(answer.body, HONEST.head(size), served.keys)
            newest = await served.newest()
            assert (200, TEXT_TYPE) == (newest.status, newest.headers["content-type"])
            assert HONEST.note(size) + answer.body == newest.body


async def test_it_is_the_same_after_a_restart(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as served:
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        before = (await served.newest()).body
    async with running_witness(tmp_path / "w") as served:
        assert before == (await served.newest()).body


ORIGINS = ["log.example/a", "ünï.example/log", "x" * 255, "log.example/a?b=c#d%2f.."]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_log_is_named_by_the_hash_of_its_origins_bytes(
    tmp_path: Path, origin: str
) -> None:
    log = Actor(origin, ED25519, "log")
    history = History(HONEST.tree.leaves, log)
    async with running_witness(tmp_path / "w", log, keys="ed25519") as served:
        assert 200 == (await served.add(history.request(0, 5))).status
        named = hashlib.sha256(origin.encode()).hexdigest()
        answer = await ask(served.url, f"/{named}/checkpoint")
        assert answer.body.startswith(history.note(5))


NAMED = hashed(LOG.name)


@pytest.mark.parametrize(
    "target",
    [
        f"/{NAMED.upper()}/checkpoint",
        f"/{NAMED[:-1]}/checkpoint",
        f"/{NAMED}0/checkpoint",
        f"/{NAMED}/checkpoint/",
        f"/{NAMED}/",
        f"/{NAMED}",
        f"/{NAMED}/../{NAMED}/checkpoint",
        f"/{NAMED}%2fcheckpoint",
        f"//{NAMED}/checkpoint",
        f"/{hashlib.sha256(b'o:' + LOG.name.encode()).hexdigest()}/checkpoint",
        f"/{LOG.name}/checkpoint",
        "/checkpoint",
        "/",
    ],
)
async def test_every_other_name_is_not_found(tmp_path: Path, target: str) -> None:
    async with running_witness(tmp_path / "w", keys="ed25519") as served:
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        answer = await ask(served.url, target)
        assert 404 == answer.status, answer


async def test_it_is_read_by_any_page_and_is_not_sent_twice(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as served:
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        first = await served.newest()
        assert "*" == first.headers["access-control-allow-origin"]
        asks = {"If-None-Match": first.headers["etag"]}
        target = f"/{NAMED}/checkpoint"
        again = await ask(served.url, target, headers=asks)
        assert (304, b"") == (again.status, again.body)
        assert 200 == (await served.add(HONEST.request(5, 12))).status
        assert 200 == (await ask(served.url, target, headers=asks)).status
        head = await ask(served.url, target, method="HEAD")
        assert (200, b"") == (head.status, head.body)


async def test_health_readiness_and_metrics_are_told(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as served:
        assert {"alive": True} == (await ask(served.url, "/healthz")).json()
        ready = await ask(served.url, "/readyz")
        assert 200 == ready.status
        assert {True} == set(ready.json().values())
        assert 200 == (await served.add(HONEST.request(0, 5))).status
        metrics = (await ask(served.url, "/metrics")).body.decode()
        assert "add-checkpoint" in metrics
        assert NAMED not in metrics
