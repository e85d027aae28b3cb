"""What is attached stays attached, whoever writes at the same time."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from tests.support.registry import (
    EMPTY_CONFIG,
    FALLBACK,
    IMAGE,
    NAME,
    OCI_INDEX,
    OCI_MANIFEST,
    StandIn,
    sha256,
    spelled,
    told,
)
from tests.support.running import until
from tests.support.writers import Writers
from tests.tlog.registry.conftest import Opener
from tlog.registry import Attached, attach, discover, find_image, parse_reference
from tlog.registry.errors import UnreachedError
from tlog.registry.payloads import Payload

KIND = "application/vnd.example.kind+json"
TIME_S = 1_790_000_000


class Clock:
    def now_s(self) -> int:
        return TIME_S

    def monotonic_s(self) -> float:
        raise AssertionError("nothing here measures time")


class NoPauses:
    """Pauses that take no time; each runs what a test has put there."""

    def __init__(self, *between: Callable[[], None]) -> None:
        self.between = list(between)
        self.told: list[float] = []

    async def pause(self, seconds: float) -> None:
        self.told.append(seconds)
        if self.between:
            self.between.pop(0)()

    def spread(self) -> float:
        return 1.0


async def attached(
    standin: StandIn, opened: Opener, content: bytes, pauses: NoPauses | None = None
) -> Attached:
    repository = opened()
    image = await find_image(repository, parse_reference(standin.image))
    payload = Payload(KIND, content, {"a": "1"})
    return await attach(repository, image, payload, Clock(), pauses or NoPauses())


async def test_the_manifest_is_what_cosign_writes(
    standin: StandIn, opened: Opener
) -> None:
    done = await attached(standin, opened, b"document")
    content, media_type = standin.manifests[done.digest]
    assert OCI_MANIFEST == media_type
    assert {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": KIND,
        "config": told(b"{}", EMPTY_CONFIG),
        "layers": [told(b"document", KIND)],
        "subject": told(IMAGE, OCI_MANIFEST),
        "annotations": {
            "a": "1",
            "org.opencontainers.image.created": "2026-09-21T14:13:20Z",
        },
    } == json.loads(content)
    assert {sha256(b"document"), sha256(b"{}")} == standin.blobs.keys()
    annotations = json.loads(content)["annotations"]
    entry = {**told(content, OCI_MANIFEST), "artifactType": KIND}
    assert [{**entry, "annotations": annotations}] == standin.under_tag()


async def test_a_registry_that_keeps_the_list_is_left_to_it(
    standin: StandIn, opened: Opener
) -> None:
    standin.has_api = standin.says_subject = True
    await attached(standin, opened, b"document")
    assert FALLBACK not in standin.tags
    # One that lists it, and does not say that it will, is not relied upon.
    standin.says_subject = False
    await attached(standin, opened, b"another")
    assert 1 == len(standin.under_tag())


async def test_the_same_file_is_attached_once(standin: StandIn, opened: Opener) -> None:
    for has_api in (False, True):
        standin.has_api = standin.says_subject = has_api
        content = b"%d" % has_api
        first = await attached(standin, opened, content)
        count = len(standin.manifests)
        again = await attached(standin, opened, content)
        assert replace(first, was_known=True) == again
        assert count == len(standin.manifests)


async def test_what_others_have_listed_stays(standin: StandIn, opened: Opener) -> None:
    theirs = standin.attach(b"theirs", KIND)
    odd = {"mediaType": OCI_MANIFEST, "digest": "sha512:" + "0" * 128, "more": [1]}
    standin.list_under_tag(odd)
    done = await attached(standin, opened, b"ours")
    assert [theirs, odd["digest"], done.digest] == [
        it["digest"] for it in standin.under_tag()
    ]
    assert odd in standin.under_tag()


async def test_an_entry_that_is_lost_in_the_pause_is_written_back(
    standin: StandIn, opened: Opener
) -> None:
    theirs = standin.attach(b"theirs", KIND)
    late = {**told(b"late", OCI_MANIFEST), "artifactType": KIND}

    def overwrite() -> None:
        # A writer that had read the list before either of us, and was slow.
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [late]}
        standin.put(spelled(index), OCI_INDEX, FALLBACK)

    pauses = NoPauses(overwrite, overwrite)
    done = await attached(standin, opened, b"ours", pauses)
    assert {theirs, done.digest, late["digest"]} == {
        it["digest"] for it in standin.under_tag()
    }
    # 0.5 s, then twice as long each time, each with a spread of up to as much again.
    assert [1.0, 2.0, 4.0] == pauses.told


async def test_a_list_that_keeps_nothing_is_told(
    standin: StandIn, opened: Opener
) -> None:
    def empty() -> None:
        standin.put(spelled({"manifests": []}), OCI_INDEX, FALLBACK)

    with pytest.raises(UnreachedError, match="does not keep it"):
        await attached(standin, opened, b"ours", NoPauses(*[empty] * 40))


def worst_order(count: int) -> Callable[[str], Awaitable[None]]:
    """Let all read first, and then each write and read again before the next writes.

    Each finds its own entry then, and overwrites that of the one before.
    """
    reads, writes = [0], [0]

    async def hold(method: str) -> None:
        if method != "PUT":
            reads[0] += 1
            return
        # Each reads twice before it writes: what is there, and what to add to.
        turn, writes[0] = writes[0], writes[0] + 1
        await until(lambda: turn >= count or reads[0] >= 2 * count + turn)

    return hold


async def test_eight_writers_at_once_lose_nothing(
    standin: StandIn, opened: Opener
) -> None:
    theirs = standin.attach(b"theirs", KIND)
    standin.hold = worst_order(8)
    writers = Writers(8)

    def write(number: int) -> Callable[[], Awaitable[Attached]]:
        async def run() -> Attached:
            repository = opened()
            image = await find_image(repository, parse_reference(standin.image))
            payload = Payload(KIND, b"document %d" % number)
            return await attach(repository, image, payload, Clock(), writers)

        return run

    done = await writers.run([write(number) for number in range(8)])
    assert {theirs, *(it.digest for it in done)} == {
        it["digest"] for it in standin.under_tag()
    }
    repository = opened()
    image = await find_image(repository, parse_reference(standin.image))
    found = await discover(repository, image)
    assert 9 == sum(it.manifest is not None for it in found.attachments)
    # The order was the worst one: seven had been overwritten, and came back.
    path = f"PUT /v2/{NAME}/manifests/{FALLBACK}"
    assert standin.requests.count(path) > 8
