"""What a server does for its store while nobody asks."""

import hashlib
from dataclasses import replace
from pathlib import Path

from tests.support.running import until
from tests.tlog.documents.kept import Kept, keeping, named
from tlog.documents.tombstones import Tombstone
from tlog.documents.upkeep import Upkeep


class LaterClock:
    """A clock that says what it is told."""

    def __init__(self, now_s: int) -> None:
        self.time_s = now_s

    def now_s(self) -> int:
        return self.time_s

    def monotonic_s(self) -> float:
        return float(self.time_s)


def upkeep_of(kept: Kept, clock: LaterClock) -> Upkeep:
    return Upkeep(replace(kept.documents, clock=clock), kept.log.reading)


async def test_what_waits_is_stored_by_its_entry_or_goes(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", document_pending_s=60) as kept:
        for content in (b"its entry comes", b"its entry never comes"):
            assert 202 == (await kept.put(content)).status
        await kept.log_entry(b"its entry comes")
        clock = LaterClock(kept.documents.clock.now_s())
        upkeep = upkeep_of(kept, clock)
        await upkeep.look_after_pending()
        waiting = hashlib.sha256(b"its entry never comes").hexdigest()
        assert {f"pending/{waiting}"} == {
            it for it in kept.files() if not it.startswith("stored/")
        }
        assert kept.stored(b"its entry comes").exists()
        clock.time_s += 61
        await upkeep.look_after_pending()
        assert not [it for it in kept.files() if it.startswith("pending/")]
        facts = kept.documents.store.root / "facts"
        assert waiting not in {it.stem for it in facts.rglob("*.json")}
        assert b"its entry comes" == (await kept.get(b"its entry comes")).body


async def test_a_round_finds_what_has_changed_and_what_should_have_gone(
    tmp_path: Path,
) -> None:
    async with keeping(tmp_path / "log") as kept:
        contents = [b"document %d" % number for number in range(5)]
        await kept.log_entries(contents, "artifact")
        for content in contents:
            await kept.put(content)
        kept.stored(contents[1]).write_bytes(b"changed")
        # A tombstone, and bytes that a crash left behind it.
        digest = hashlib.sha256(contents[2]).digest()
        when = "2026-01-31T12:00:00Z"
        stone = Tombstone(digest, "redacted", "why", when, 0, bytes(32))
        kept.documents.store.bury(stone)
        kept.stored(contents[2]).write_bytes(contents[2])
        upkeep = upkeep_of(kept, LaterClock(0))
        assert 0 == await upkeep.scrub(1 << 30)  # the list of places is made
        assert 5 == await upkeep.scrub(1 << 30)
        assert 0 == await upkeep.scrub(0)
        assert not kept.stored(contents[1]).exists()
        assert not kept.stored(contents[2]).exists()
        assert 500 == (await kept.get(contents[1])).status
        rendered = kept.log.metrics.render().decode()
        assert 'tlog_tamper_detections_total{kind="document"} 1.0' in rendered
        scrubbed = sum(len(it) for it in contents) - len(contents[1]) + len(b"changed")
        scrubbed -= len(contents[2])
        assert f"tlog_document_scrubbed_bytes_total {scrubbed}.0" in rendered


async def test_the_server_does_it_by_itself(tmp_path: Path) -> None:
    content = b"waits at the start"
    async with keeping(tmp_path / "log") as kept:
        assert 202 == (await kept.put(content)).status
        await kept.log_entry(content)
    async with keeping(tmp_path / "log", document_scrub_bytes_per_s=1 << 30) as kept:
        await until(lambda: kept.stored(content).exists())
        assert content == (await kept.get(content)).body
        assert named(content) == (await kept.put(content)).json()["digest"]
