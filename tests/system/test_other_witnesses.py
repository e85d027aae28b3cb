"""Old copies of a log against witnesses that nobody here wrote.

litewitness and omniwitness show no heads where they take submissions: what they say to
a head that is sent is all that a log can learn from them.  Each of these tests is
skipped where its program is not found; docs/contributing.md says how to get both.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.cosigned import record, submit
from tests.support.http import Answer, ask
from tests.system.other_witness import (
    OTHER_WITNESSES,
    Litewitness,
    Omniwitness,
    OtherWitness,
    binary,
)
from tests.system.server import ServerProcess, run_tlog
from tlogclient import LogClient

ORIGIN = "log.example/others"
FLAGS = ("--witness-interval-ms=20", "--publish-interval-ms=20")
IMPATIENT = "--witness-patience-s=0"


@dataclass
class Story:
    """A log, and one witness of another make that is its whole quorum."""

    folder: Path
    witness: OtherWitness

    @contextmanager
    def log(self, name: str, *flags: str, asks: bool = True) -> Iterator[str]:
        """Serve the log in one of the folders, and give its URL."""
        policy = self.folder / "witnesses"
        policy.write_text(
            f"witness w {self.witness.vkey} {self.witness.url}\nquorum w\n"
        )
        asked = ("--witness-policy", str(policy)) if asks else ()
        server = ServerProcess(
            self.folder / name, *FLAGS, *asked, *flags, origin=ORIGIN
        )
        try:
            yield server.start().url
            assert 0 == server.terminate(), server.stderr
        finally:
            server.end()

    async def copied_at_3(self) -> None:
        """Submit 3, copy the folder, submit 5 more to the first."""
        with self.log("log") as url:
            assert 201 == (await submit(url, range(3))).status
        shutil.copytree(self.folder / "log", self.folder / "copy")
        with self.log("log") as url:
            assert 201 == (await submit(url, range(3, 8))).status

    def public(self, name: str) -> bytes:
        """Return the head that is public in a folder."""
        return head((self.folder / name / "public/checkpoint").read_bytes())


def head(note: bytes) -> bytes:
    """Return what a note signs: a witness signs the same head again at each start."""
    return note.partition(b"\n\n")[0]


@pytest.fixture(params=OTHER_WITNESSES, ids=lambda it: it.program)
def story(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    kind: type[Litewitness] | type[Omniwitness] = request.param
    if binary(kind.program) is None:
        pytest.skip(f"{kind.program} is not installed: see docs/contributing.md")
    keys = tmp_path / "log" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    made = run_tlog("keygen", ORIGIN, "--out", keys / "log.ed25519")
    witness = kind(tmp_path / "witness", made.stdout.strip())
    try:
        witness.start()
        yield Story(tmp_path, witness)
    finally:
        witness.stop()


async def facts(url: str) -> dict[str, Any]:
    """Return what the log tells of itself."""
    told: dict[str, Any] = (await ask(url, "/api/v1/log")).json()
    return told


async def contradicted(url: str) -> dict[str, Any]:
    """Wait until a witness contradicts a log; return what it has said."""
    while not (told := await facts(url))["contradictions"]:
        pass
    (found,) = told["contradictions"]
    ready = await ask(url, "/readyz")
    assert (503, False) == (ready.status, ready.json()["not_rolled_back"])
    assert [found] == ready.json()["contradictions"]
    metrics = (await ask(url, "/metrics")).body.decode()
    assert f'tlog_contradicted_by_witness{{witness="w"}} {found["size"]}.0' in metrics
    said: dict[str, Any] = found
    return said


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["type"]


async def test_its_cosignatures_satisfy_the_policy(story: Story) -> None:
    with story.log("log") as url:
        policy = ServerProcess(story.folder / "log").policy
        async with LogClient(url, policy) as client:
            for start in (0, 1, 300):
                await client.submit([record(n) for n in range(start, start + 300)])
        assert 600 == (await facts(url))["cosigned_size"]
    origin_hash = sha256(ORIGIN.encode()).hexdigest()
    shown = await ask(story.witness.url, f"/{origin_hash}/checkpoint")
    # The day that it shows heads, the log finds them at this place.
    assert 404 == shown.status


@pytest.mark.parametrize("patience", [(), ("--witness-patience-s=3",)])
async def test_an_old_copy_signs_and_publishes_nothing(
    story: Story, patience: tuple[str, ...]
) -> None:
    await story.copied_at_3()
    before = story.public("copy")
    for flags, asks in ((patience, True), (patience, True), ((), False)):
        with story.log("copy", *flags, asks=asks) as url:
            refused = await submit(url, range(20, 29))
            assert (500, "rolled-back") == problem(refused)
            said = await contradicted(url)
            assert ("w", 8) == (said["witness"], said["size"])
            assert refused.json()["detail"] == said["said"]
            assert 3 == (await facts(url))["size"]
            assert before == head((await ask(url, "/checkpoint")).body)
        assert before == story.public("copy")
    assert 0 == run_tlog("fsck", story.folder / "copy").returncode
    # The folder that has all of it goes on.
    with story.log("log") as url:
        assert 201 == (await submit(url, [8])).status


async def test_a_copy_whose_witness_is_silent_is_read_only_until_it_speaks(
    story: Story,
) -> None:
    await story.copied_at_3()
    before = story.public("copy")
    story.witness.stop()
    with story.log("copy", "--witness-wait-ms=50", IMPATIENT) as url:
        assert (503, "unconfirmed") == problem(await submit(url, range(20, 29)))
        story.witness.start()
        assert 8 == (await contradicted(url))["size"]
        assert (500, "rolled-back") == problem(await submit(url, range(20, 29)))
        assert 3 == (await facts(url))["size"]
    assert before == story.public("copy")


async def test_a_fork_that_was_signed_unheard_is_never_published(story: Story) -> None:
    """409 first, for the smaller size; then 422, for a proof that cannot be."""
    await story.copied_at_3()
    before = story.public("copy")
    story.witness.stop()
    told = ("--witness-unconfirmed", "--witness-wait-ms=50")
    with story.log("copy", *told) as url:
        assert 202 == (await submit(url, range(20, 29))).status
        assert 12 == (await facts(url))["size"]
    story.witness.start()
    for flags, asks in (
        ((*told, IMPATIENT), True),
        ((*told, IMPATIENT), True),
        ((), False),
    ):
        with story.log("copy", *flags, asks=asks) as url:
            assert (500, "rolled-back") == problem(await submit(url, [40]))
            assert "does not extend" in (await contradicted(url))["said"]
            assert 12 == (await facts(url))["size"]
            assert before == head((await ask(url, "/checkpoint")).body)
        assert before == story.public("copy")


async def test_of_two_that_run_with_one_key_one_goes_on(story: Story) -> None:
    with story.log("log") as url:
        assert 201 == (await submit(url, range(3))).status
    shutil.copytree(story.folder / "log", story.folder / "copy")
    before = story.public("copy")
    with story.log("log") as first, story.log("copy", IMPATIENT) as second:
        for url in (first, second):
            assert 200 == (await submit(url, range(3))).status
        assert 201 == (await submit(first, range(3, 8))).status
        # It is stored there when the answer comes: neither proven nor refused.
        answer = await submit(second, range(20, 29))
        assert (503, "outcome-unknown") == problem(answer)
        assert "does not extend" in (await contradicted(second))["said"]
        assert before == head((await ask(second, "/checkpoint")).body)
        assert 201 == (await submit(first, [8])).status
    assert before == story.public("copy")
