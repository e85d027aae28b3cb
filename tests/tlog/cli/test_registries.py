"""The verbs of a registry: what they say, and how they end."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.cases import case
from tests.support.registry import (
    OCI_MANIFEST,
    PASSWORD,
    USER,
    StandIn,
    spelled,
    told,
)
from tests.support.rekor import KINDS, P256, KeyKind, b64, private_key, spki
from tests.tlog.bundles.world import EMAIL, ISSUER, World
from tests.tlogverify.attestation.stories import (
    SLSA,
    Attestation,
    provenance,
    write_rules,
)
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY_TEXT, Story
from tests.tlogverify.sigstore.documents import (
    STATEMENT,
    encoded,
    of_message,
    of_statement,
)
from tlog.cli import main

P384 = next(kind for kind in KINDS if "P384" in kind.details)
DIGEST = f"sha256:{ARTIFACT_SHA256.hex()}"


@pytest_asyncio.fixture
async def standin() -> AsyncIterator[StandIn]:
    async with StandIn(has_api=True, says_subject=True).serve() as found:
        found.put(ARTIFACT, OCI_MANIFEST, "release")
        yield found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    (tmp_path / "app.tlog-proof").write_bytes(Story().text)
    write_rules(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return tmp_path


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Command = Callable[..., Awaitable[Done]]


@pytest.fixture
def tlog(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in a thread of its own: the registry is in this one."""

    def run(arguments: tuple[str, ...]) -> int:
        try:
            return main(arguments)
        except SystemExit as ended:
            return int(ended.code or 0)

    async def run_one(*arguments: str) -> Done:
        status = await asyncio.to_thread(run, arguments)
        return Done(status, *capsys.readouterr())

    return run_one


async def test_an_image_is_backfilled_since_it_says_that_it_was_made(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    def manifest(**annotations: str) -> bytes:
        layers = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}
        config = told(b"{}", "application/vnd.oci.image.config.v1+json")
        return spelled({**layers, "config": config, "annotations": annotations})

    created = {"org.opencontainers.image.created": "2024-02-03T04:05:06+01:00"}
    dated = standin.put(manifest(**created), OCI_MANIFEST, "dated")
    standin.put(manifest(), OCI_MANIFEST, "undated")
    place = standin.image.partition("@")[0].rpartition(":")[0]
    planned = ("backfill", "-O", "out", "--dry-run", "--json", "--plain-http", "--from")
    done = await tlog(*planned, f"{place}:dated")
    assert 0 == done.status, done.err
    assert {
        "artifact": dated,
        "name": f"{place.removeprefix('oci://')}",
        "knownSince": "2024-02-03T03:05:06Z",
        "sources": [f"{place}@{dated}"],
        "method": "registry",
        "unverifiable": True,
    } == json.loads(done.out)
    done = await tlog(*planned, f"{place}:undated")
    assert (2, True) == (done.status, "--known-since says it" in done.err)
    since = ("--known-since", "2020-01-01T00:00:00Z")
    done = await tlog(*planned, f"{place}:undated", *since)
    assert "2020-01-01T00:00:00Z" == json.loads(done.out)["knownSince"]


def pem(kind: KeyKind) -> bytes:
    """Return the public half of this run's key of a kind."""
    text = b64(spki(private_key(kind)))
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode()


def image(standin: StandIn) -> str:
    return standin.image.replace(":1.0", ":release")


def pinned(standin: StandIn) -> str:
    return standin.image.replace(":1.0", f"@{DIGEST}")


async def test_a_proof_is_attached_found_and_judged(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    judge = ("verify", image(standin), "--policy", "policy")
    done = await tlog(*judge)
    assert (1, "") == (done.status, done.out)
    assert f"{pinned(standin)}: not proven: nothing is attached" in done.err
    done = await tlog("discover", image(standin))
    assert (1, f"{pinned(standin)}: 0 attached in this registry\n") == (
        done.status,
        done.out,
    )
    done = await tlog("attach", image(standin), "app.tlog-proof", "--json")
    told = json.loads(done.out)
    assert (0, pinned(standin), False) == (
        done.status,
        told["image"],
        told["was_known"],
    )
    done = await tlog("attach", image(standin), "app.tlog-proof")
    assert f"was attached before, as {told['attached']}" in done.out
    done = await tlog("discover", image(standin), "--json")
    (found,) = map(json.loads, done.out.splitlines())
    assert (told["attached"], "application/vnd.dev.tlog.proof.v1") == (
        found["attached"],
        found["artifact_type"],
    )
    done = await tlog(*judge)
    assert (0, "") == (done.status, done.err)
    assert f"{pinned(standin)}: proven, entry 3 of 7 in log.example/2026" in done.out
    done = await tlog(*judge, "--json")
    verdict = json.loads(done.out)
    assert (True, pinned(standin)) == (verdict["proven"], verdict["artifact"])
    (attached,) = verdict["attached"]
    assert ("proven", 3, "log.example/2026") == (
        attached["verdict"],
        attached["index"],
        attached["origin"],
    )


async def test_an_attestation_is_judged_by_rules(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    made = Attestation()
    (folder / "app.intoto.jsonl").write_bytes(made.envelope)
    (folder / "own.tlog-proof").write_bytes(made.story.text)
    judge = ("verify", image(standin), "--policy", "policy", "--rules", "RULES.toml")
    for file in ("app.tlog-proof", "app.intoto.jsonl"):
        assert 0 == (await tlog("attach", image(standin), file)).status
    done = await tlog(*judge)
    assert 1 == done.status
    assert "not proven: no attached proof is of this envelope" in done.err
    assert "not proven: of 2 attached documents none proves it" in done.err
    await tlog("attach", image(standin), "own.tlog-proof")
    done = await tlog(*judge)
    assert 0 == done.status, done.err
    assert "attested: built by" in done.out
    done = await tlog(*judge, "--json")
    by_verdict = {it["verdict"]: it for it in json.loads(done.out)["attached"]}
    assert made.signers[0].sha256 in by_verdict["proven"]["signers"]
    assert by_verdict["not judged"]["why"]


async def test_a_bundle_is_judged_by_whom_it_is_signed(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    (folder / "key.pub").write_bytes(pem(P256))
    (folder / "other.pub").write_bytes(pem(P384))
    (folder / "app.sigstore.json").write_bytes(encoded(of_message()))
    judge = ("verify", image(standin), "--policy", "policy")
    await tlog("attach", image(standin), "app.sigstore.json")
    # A proof says that a log knows the image, and nothing of who signed.
    await tlog("attach", image(standin), "app.tlog-proof")
    done = await tlog(*judge, "--key", "key.pub")
    assert 0 == done.status, done.err
    assert f"{pinned(standin)}: proven, entry 3 of 7" in done.out
    assert "; signed with key sha256:" in done.out
    assert "not judged: a proof alone says nothing of who signed" in done.err
    done = await tlog(*judge, "--key", "other.pub")
    assert (1, "") == (done.status, done.out)
    done = await tlog(*judge, "--key", "key.pub", "--json")
    verdicts = {it["verdict"]: it for it in json.loads(done.out)["attached"]}
    assert {"proven", "not judged"} == verdicts.keys()
    assert pinned(standin) == verdicts["proven"]["artifact"]
    # Without a word on who may sign, the proof is what counts.
    done = await tlog(*judge)
    assert 0 == done.status
    assert "who may sign bundles is told by" in done.err


async def test_rules_judge_the_statement_of_a_bundle(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    (folder / "alice.pub").write_bytes(pem(P256))
    built = {**STATEMENT, "predicateType": SLSA, "predicate": provenance()}
    judge = ("verify", image(standin), "--policy", "policy", "--rules", "RULES.toml")
    ends = []
    for name, statement in {"other": STATEMENT, "built": built}.items():
        (folder / name).write_bytes(encoded(of_statement(statement)))
        assert 0 == (await tlog("attach", image(standin), name)).status
        done = await tlog(*judge)
        ends.append(done.status)
    assert [1, 0] == ends
    done = await tlog(*judge)
    assert "attested: built by" in done.out
    assert "the predicate type is not allowed" in done.err


async def test_a_certificate_is_judged_by_a_trusted_root(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    world = World()
    (folder / "root").write_text(json.dumps(world.root))
    (folder / "app.sigstore.json").write_text(json.dumps(world.message(der=world.der)))
    await tlog("attach", image(standin), "app.sigstore.json")
    root = ("verify", image(standin), "--trusted-root", "root", "--issuer", ISSUER)
    done = await tlog(*root, "--identity", EMAIL)
    assert 0 == done.status, done.err
    assert f"{pinned(standin)}: proven, entry " in done.out
    assert EMAIL in done.out
    done = await tlog(*root, "--identity", "somebody@else.example")
    assert (1, "") == (done.status, done.out)
    keys = ("--policy", "policy", "--rules", "RULES.toml")
    done = await tlog("verify", image(standin), *keys)
    assert 1 == done.status
    assert "not judged: whom its certificate names" in done.err


async def test_what_ends_a_command_has_its_status(
    standin: StandIn, tlog: Command, folder: Path
) -> None:
    absent = standin.image.replace(":1.0", ":absent")
    nobody = "oci://127.0.0.1:1/team/app:1"
    policy = ("--policy", "policy")
    ends: dict[tuple[str, ...], tuple[int, str]] = {
        ("verify", absent, *policy): (2, "is not there"),
        ("verify", "oci://h/app", *policy): (2, "add :TAG or @DIGEST"),
        ("verify", image(standin), "--policy", "none"): (2, "No such file"),
        ("verify", image(standin), *policy, "--rules", "none"): (2, "No such file"),
        ("verify", image(standin), *policy, "--proof", "x"): (
            2,
            "all that is attached",
        ),
        ("verify", image(standin), *policy, "--entry"): (2, "all that is"),
        ("verify", image(standin), "policy", *policy): (2, "two commands"),
        ("verify", image(standin), *policy, "--bundle", "x"): (2, "all that is"),
        ("verify", image(standin)): (2, "--policy FILE is needed"),
        ("verify", image(standin), *policy, "--identity", "x"): (2, "go together"),
        ("verify", image(standin), "--trusted-root", "x"): (2, "who may sign"),
        ("verify", nobody, *policy, "--timeout", "0.2"): (3, "not judged: "),
        ("attach", nobody, "policy", "--timeout", "0.2"): (3, "no answer"),
        ("discover", nobody, "--timeout", "0.2"): (3, "no answer"),
        ("discover", absent): (2, "is not there"),
        ("attach", image(standin), "none"): (2, "No such file"),
        ("attach", image(standin)): (2, "name the FILE to attach, or --repair"),
        ("attach", image(standin), "policy", "--repair"): (2, "or --repair"),
        ("attach", image(standin), "--repair"): (2, "go together"),
        ("attach", image(standin), "policy", "--log", "x"): (2, "go together"),
        ("attach", image(standin), "policy"): (2, "--type"),
        ("attach", standin.image, "app.tlog-proof"): (2, "does not name sha256:"),
        ("discover", image(standin), "--timeout", "0"): (2, "seconds above 0"),
    }
    for arguments, (status, words) in ends.items():
        with case(" ".join(arguments)):
            done = await tlog(*arguments)
            assert (status, "") == (done.status, done.out), done.err
            assert words in done.err
            assert 1 == len(done.err.splitlines())
    done = await tlog("verify", absent, *policy, "--json")
    assert {"artifact", "proven", "why"} == json.loads(done.out).keys()
    done = await tlog("discover", absent, "--json")
    assert "AbsentError" == json.loads(done.out)["kind"]


async def test_credentials_come_from_dockers_file_and_are_not_shown(
    standin: StandIn, tlog: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.auth = "bearer"
    config = {"auths": {standin.authority: {"username": USER, "password": PASSWORD}}}
    (folder / "config.json").write_text(json.dumps(config))
    done = await tlog("discover", image(standin))
    assert 2 == done.status
    assert "docker login" in done.err
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    done = await tlog("attach", image(standin), "app.tlog-proof")
    assert 0 == done.status, done.err
    assert PASSWORD not in done.out + done.err
    config["auths"][standin.authority]["password"] = "wrong-one"
    (folder / "config.json").write_text(json.dumps(config))
    done = await tlog("discover", image(standin))
    assert 2 == done.status
    assert "wrong-one" not in done.err
