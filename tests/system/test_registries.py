"""Registries and their tools that nobody here wrote: each side reads the other.

Debian's docker-registry has no referrers API; go-containerregistry's has one, and lists
the config's type for each artifact's.  Each of these tests is skipped where a program
is not found; docs/contributing.md says how to get all of them.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.writers import Writers
from tests.system.other_registry import WITH_REFERRERS, WITHOUT_REFERRERS, registry
from tests.system.server import ServerProcess, run_tlog
from tlog.clock import SystemClock
from tlog.registry import (
    Attached,
    Keyring,
    Repository,
    Way,
    attach,
    discover,
    find_image,
    parse_reference,
)
from tlog.registry.payloads import Payload

KIND = "application/vnd.example.kind"
PREDICATE = "https://example.org/told"
EMPTY_CONFIG = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True)
class Story:
    """A registry with one image in it; folder: for files of a test."""

    program: str
    address: str
    folder: Path

    @property
    def image(self) -> str:
        return f"oci://{self.address}/team/app:1"

    def run(self, *command: str | Path) -> str:
        """Run a program of others to its end; return what it says."""
        done = subprocess.run(
            [*map(str, command)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    def tlog(self, *arguments: str | Path) -> list[dict[str, Any]]:
        """Run one of our commands with --json; return its objects."""
        done = run_tlog(*arguments, "--json", folder=self.folder)
        assert 0 == done.returncode, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def file(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.write_text(content or name)
        return path


@pytest.fixture(scope="module", params=[WITHOUT_REFERRERS, WITH_REFERRERS])
def story(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    for program in (request.param, "crane"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: see docs/contributing.md")
    folder = tmp_path_factory.mktemp("registry")
    with registry(request.param, folder) as address:
        made = Story(request.param, address, folder)
        with tarfile.open(folder / "layer.tar", "w") as layer:
            layer.add(made.file("app.txt"), "app.txt")
        made.run("crane", "append", "-f", "layer.tar", "-t", f"{address}/team/app:1")
        yield made


@pytest.fixture
def oras(story: Story) -> Story:
    if shutil.which("oras") is None:
        pytest.skip("oras is not installed: see docs/contributing.md")
    return story


def test_a_tag_means_the_same_to_crane(story: Story) -> None:
    digest = story.run("crane", "digest", f"{story.address}/team/app:1").strip()
    (told,) = story.tlog(
        "attach", story.image, story.file("digest.txt"), "--type", KIND
    )
    assert told["image"].endswith(f"@{digest}")
    manifest = json.loads(
        story.run("crane", "manifest", f"{story.address}/team/app@{told['attached']}")
    )
    assert (KIND, digest) == (manifest["artifactType"], manifest["subject"]["digest"])
    layer = f"{story.address}/team/app@{manifest['layers'][0]['digest']}"
    assert "digest.txt" == story.run("crane", "blob", layer)


def test_oras_finds_what_we_attach(oras: Story) -> None:
    (told,) = oras.tlog("attach", oras.image, oras.file("ours.txt"), "--type", KIND)
    found = json.loads(
        oras.run(
            *("oras", "discover", "--plain-http", "--format", "json"),
            oras.image.removeprefix("oci://"),
        )
    )
    assert told["attached"] in {it["digest"] for it in found["referrers"]}


def test_we_find_what_oras_attaches(oras: Story) -> None:
    oras.file("theirs.txt")
    oras.run(
        *("oras", "attach", "--plain-http", "--artifact-type", KIND),
        *(oras.image.removeprefix("oci://"), "theirs.txt:text/plain"),
    )
    names = {
        layer.get("annotations", {}).get("org.opencontainers.image.title"): it
        for it in oras.tlog("discover", oras.image, "--type", KIND)
        for layer in it["layers"]
    }
    found = names["theirs.txt"]
    # The registry that lists, lists a wrong type: the manifest's own is what counts.
    listed = EMPTY_CONFIG if oras.program == WITH_REFERRERS else KIND
    assert (KIND, listed) == (found["artifact_type"], found["listed_type"])


async def test_eight_writers_at_once_lose_nothing(story: Story) -> None:
    writers = Writers(8)
    repository = Repository(parse_reference(story.image), Way(Keyring(), 60))

    def write(number: int) -> Callable[[], Awaitable[Attached]]:
        async def run() -> Attached:
            image = await find_image(repository, parse_reference(story.image))
            payload = Payload(KIND, b"writer %d" % number)
            return await attach(repository, image, payload, SystemClock(), writers)

        return run

    try:
        done = await writers.run([write(number) for number in range(8)])
        image = await find_image(repository, parse_reference(story.image))
        found = await discover(repository, image)
    finally:
        await repository.close()
    assert (story.program == WITH_REFERRERS) == found.has_api
    kept = {it.digest for it in found.attachments if "fallback tag" in it.sources}
    assert set() == {it.digest for it in done} - kept


def test_from_a_log_to_an_image_that_is_proven_and_repaired(story: Story) -> None:
    digest = story.run("crane", "digest", f"{story.address}/team/app:1").strip()
    policy, rules = story.folder / "log/policy", story.folder / "RULES.toml"
    story.file("predicate.json", '{"told": "by a test"}')
    story.tlog("keygen", "us", "--type", "p256", "--out", "key")
    rules.write_text(f'predicate_types = ["{PREDICATE}"]\n[[keys]]\nfile = "key.pub"\n')
    judge = ("verify", story.image, "--policy", policy, "--rules", rules)
    server = ServerProcess(story.folder / "log", "--documents")
    try:
        url = server.start().url
        to_log = ("--log", url, "--policy", policy)
        predicate = ("--predicate", "predicate.json", "--type", PREDICATE)
        key = ("--key", "key", "--documents")
        story.tlog("attest", digest, *predicate, *key, *to_log)
        # The registry has neither proof nor envelope; the log knows both.
        story.tlog("attach", story.image, "--repair", *to_log)
        assert [] == story.tlog("attach", story.image, "--repair", *to_log)
        assert 0 == server.terminate()
    finally:
        server.end()
    (verdict,) = story.tlog(*judge)
    proven = [it for it in verdict["attached"] if it["verdict"] == "proven"]
    assert [(digest, PREDICATE)] == [
        (f"sha256:{it['sha256']}", it["predicate_type"]) for it in proven
    ]
    # What `tlog attest` wrote beside is the same envelope: it is attached already.
    (envelope,) = story.folder.glob("*.intoto.jsonl")
    (again,) = story.tlog("attach", story.image, envelope)
    assert again["was_known"]
