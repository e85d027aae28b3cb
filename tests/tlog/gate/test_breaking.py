"""Break-glass: let through by the API server's RBAC, and on record."""

import asyncio
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import case
from tests.support.http import ask
from tests.support.running import published, running_log
from tests.tlog.gate.test_deciding import silent
from tests.tlog.gate.workshop import (
    BAD,
    BAD_SHA256,
    TAGGED,
    USER,
    Place,
    place,
    pod,
    response_of,
    review,
    running_gate,
    template,
)
from tests.tlog.rules.workshop import NOW, at
from tlog.folders import write_all_whole
from tlog.gate import breaking
from tlog.gate.breaking import Spool, Use
from tlog.gate.coverage import ask_log
from tlogclient import LogClient
from tlogverify import verify_artifact
from tlogverify.policy import Policy
from tlogverify.proof import Proof

WHY = "the build system is down: INC-7"
PATH = "/break-glass"


def glass(*images: str, why: object = WHY, **changes: object) -> dict[str, Any]:
    """Return a review of a Pod whose annotation says why."""
    made = pod(*images)
    made["metadata"]["annotations"] = {"tlog.dev/break-glass": why}
    return review(made, **changes)


def uses(spool: Path) -> list[dict[str, Any]]:
    """Return the documents that lie in a folder."""
    return [json.loads(it.read_bytes()) for it in sorted(spool.glob("*.json"))]


async def test_a_use_is_let_through_with_a_warning_and_an_entry_in_the_log(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_log(tmp_path / "log", documents=True) as (url, log):
        made.policy.write_bytes((tmp_path / "log" / "policy").read_bytes())
        async with running_gate(made, log=url, spool=spool) as served:
            asked = glass(BAD, TAGGED)
            found = response_of(await served.post(PATH, asked), asked)
            told = found["auditAnnotations"]
            assert found["allowed"]
            assert (
                f"break-glass: not verified: entry 0, until {at(NOW + 3600)}"
                in (found["warnings"])
            )
            assert ("break-glass", WHY, USER, at(NOW + 3600), "0") == (
                told["reason"],
                told["why"],
                told["user"],
                told["expires"],
                told["entry"],
            )
            labels = {"mode": "break-glass", "outcome": "allowed"}
            name = "tlog_gate_decisions_total"
            assert 1 == await served.sample(name, **labels)
            assert [] == uses(spool)
        await published(log)
        policy = Policy.read(made.policy)
        async with LogClient(url, policy) as client:
            digest = f"sha256:{BAD_SHA256.hex()}"
            result = await client.attestations(digest)
            (attestation,) = result.attestations
            assert attestation.document is not None
            document = attestation.document.content or b""
            # It says nothing of where the image is from.
            assert not (await ask_log(client, digest, None)).is_covered
        assert {
            "type": "urn:tlog:break-glass:v1",
            "uid": asked["request"]["uid"],
            "user": USER,
            "namespace": "shop",
            "name": "app-1",
            "reason": WHY,
            "images": [BAD, TAGGED],
            "digests": [digest],
            "when": at(NOW),
            "expires": at(NOW + 3600),
        } == json.loads(document)
        (kept,) = (spool / "logged").glob("*.json")
        assert document == kept.read_bytes()
        assert hashlib.sha256(document).hexdigest() == kept.stem
        proof = Proof.read(kept.with_suffix(".tlog-proof"))
        assert 0 == verify_artifact(BAD_SHA256, proof, policy).index


async def test_an_image_without_a_digest_has_an_entry_too(tmp_path: Path) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_log(tmp_path / "log") as (url, _):
        made.policy.write_bytes((tmp_path / "log" / "policy").read_bytes())
        async with running_gate(made, log=url, spool=spool) as served:
            # A log that keeps no documents has the entry; the folder has the document.
            asked = glass(TAGGED, "odd image")
            found = response_of(await served.post(PATH, asked), asked)
            assert (True, "0") == (
                found["allowed"],
                found["auditAnnotations"]["entry"],
            )
        (kept,) = (spool / "logged").glob("*.json")
        proof = Proof.read(kept.with_suffix(".tlog-proof"))
        sha256 = hashlib.sha256(kept.read_bytes()).digest()
        verify_artifact(sha256, proof, Policy.read(made.policy))


async def test_what_the_log_does_not_take_lies_in_the_spool_until_it_does(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with silent() as url:
        waiting = {"log": url, "spool": spool, "deadline_ms": 50}
        async with running_gate(made, **waiting) as served:
            asked = glass(BAD)
            found = response_of(await served.post(PATH, asked), asked)
            assert found["allowed"]
            assert "logged later" in found["warnings"][0]
            assert "entry" not in found["auditAnnotations"]
            assert 1 == await served.sample("tlog_gate_spooled")
    assert [WHY] == [it["reason"] for it in uses(spool)]
    # A start gives the log what it lacks.
    async with running_log(tmp_path / "log") as (url, log):
        made.policy.write_bytes((tmp_path / "log" / "policy").read_bytes())
        async with running_gate(made, log=url, spool=spool) as served:
            while await served.sample("tlog_gate_spooled"):
                pass
        assert [] == uses(spool)
        assert [WHY] == [it["reason"] for it in uses(spool / "logged")]
        assert 1 == log.heads.signed.size


async def test_the_logs_token_is_followed_and_one_use_has_one_entry(
    tmp_path: Path,
) -> None:
    """Both who ask at once are told the same index; a token that was changed counts."""
    made, tokens, token = place(tmp_path), tmp_path / "tokens", tmp_path / "token"
    tokens.write_text(f"{hashlib.sha256(b'right').hexdigest()} gate\n")
    token.write_text("wrong")
    async with running_log(tmp_path / "log", tokens_file=tokens) as (url, log):
        made.policy.write_bytes((tmp_path / "log" / "policy").read_bytes())
        asking = {"log": url, "log_token_file": token, "spool": tmp_path / "spool"}
        async with running_gate(made, **asking) as served:
            asked = glass(BAD)
            found = response_of(await served.post(PATH, asked), asked)
            assert (True, False) == (
                found["allowed"],
                "entry" in found["auditAnnotations"],
            )
            draft = tmp_path / "token.draft"
            draft.write_text("right\n")
            draft.rename(token)
            spool = served.gate.spool
            assert spool is not None
            (path,) = (tmp_path / "spool").glob("*.json")
            indexes = await asyncio.gather(spool.submit(path), spool.submit(path))
            assert [0, 0] == [*indexes]
            assert (1, 0) == (log.heads.signed.size, spool.waiting)


async def test_a_use_that_is_seen_while_it_is_written_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, loop = Spool(tmp_path / "spool", None), asyncio.get_running_loop()

    def write(files: dict[Path, bytes], *, mode: int) -> None:
        write_all_whole(files, mode=mode)
        # It has its name, and who writes it does not know yet.
        looking = asyncio.run_coroutine_threadsafe(spool.submit_waiting(), loop)
        for _ in range(1_000):
            if looking.done():
                return
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()

    monkeypatch.setattr(breaking, "write_all_whole", write)
    path = await spool.keep(Use("uid", "user", "shop", "pod", WHY, (), (), 1, 2))
    assert 1 == spool.waiting
    await spool.submit_waiting()
    assert 1 == spool.waiting
    await spool.forget(path)
    assert 0 == spool.waiting


async def test_a_use_that_cannot_be_logged_keeps_no_other_back(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with silent() as url:
        waiting = {"log": url, "spool": spool, "deadline_ms": 50}
        async with running_gate(made, **waiting) as served:
            asked = glass(BAD, *(f"{'x' * 15_000}{it}" for it in range(500)))
            assert response_of(await served.post(PATH, asked), asked)["allowed"]
    (spool / "0.json").write_bytes(b"{")
    (spool / "1.json").mkdir()
    async with running_log(tmp_path / "log") as (url, _):
        made.policy.write_bytes((tmp_path / "log" / "policy").read_bytes())
        async with running_gate(made, log=url, spool=spool):
            while 2 != len([*spool.glob("*.json")]):
                await ask(url, "/api/v1/log")
        assert ["0.json", "1.json"] == sorted(it.name for it in spool.glob("*.json"))
    (use,) = uses(spool / "logged")
    assert {1_000} == {len(it) for it in use["images"][1:]}


async def test_a_use_that_cannot_be_recorded_is_refused_in_words(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        shutil.rmtree(spool)
        asked = glass(BAD)
        found = response_of(await served.post(PATH, asked), asked)
        assert "cannot be recorded" in found["status"]["message"]


async def test_an_update_without_a_new_image_uses_nothing(tmp_path: Path) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        table = [((BAD,), "unchanged", 0), ((TAGGED,), "break-glass", 1)]
        for before, reason, count in table:
            with case(reason):
                asked = glass(BAD, operation="UPDATE", oldObject=pod(*before))
                found = response_of(await served.post(PATH, asked), asked)
                assert (True, reason) == (
                    found["allowed"],
                    found["auditAnnotations"]["reason"],
                )
                assert count == len(uses(spool))


async def test_what_is_no_pod_is_not_let_through_without_a_record(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        asked = glass(BAD)
        asked["request"]["kind"]["kind"] = "Widget"
        found = response_of(await served.post(PATH, asked), asked)
        assert (False, "unreadable") == (
            found["allowed"],
            found["auditAnnotations"]["reason"],
        )


async def test_where_it_is_so_set_a_use_that_is_not_logged_is_refused(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    denying = {"spool": spool, "break_glass_unlogged": "deny"}
    async with running_gate(made, **denying) as served:
        asked = glass(BAD)
        found = response_of(await served.post(PATH, asked), asked)
        assert not found["allowed"]
        assert [] == uses(spool)


async def test_a_use_without_a_reason_or_without_a_record_is_refused(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        for why in ("", "  ", 7, None, ["x"]):
            with case(repr(why)):
                asked = glass(BAD, why=why)
                found = response_of(await served.post(PATH, asked), asked)
                assert not found["allowed"]
                assert "no-reason" == found["auditAnnotations"]["reason"]
        asked = review(pod(BAD))
        asked["request"]["object"]["metadata"] = "odd"
        assert not response_of(await served.post(PATH, asked), asked)["allowed"]
        assert [] == uses(spool)
    async with running_gate(made) as served:
        asked = glass(BAD)
        assert not response_of(await served.post(PATH, asked), asked)["allowed"]


async def test_a_dry_run_leaves_nothing(tmp_path: Path) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        asked = glass(BAD, dryRun=True)
        found = response_of(await served.post(PATH, asked), asked)
        assert (True, []) == (found["allowed"], uses(spool))


async def test_who_it_is_stands_in_the_review_and_not_in_the_object(
    tmp_path: Path,
) -> None:
    made, spool = place(tmp_path), tmp_path / "spool"
    async with running_gate(made, spool=spool) as served:
        asked = glass(BAD)
        asked["request"]["object"]["userInfo"] = {"username": "mallory"}
        asked["request"]["object"]["metadata"]["annotations"]["user"] = "mallory"
        response_of(await served.post(PATH, asked), asked)
        assert [USER] == [it["user"] for it in uses(spool)]
        # The annotation alone opens nothing: the path is what the API server chose.
        for mode in ("enforce",):
            assert not (await served.admit(glass(BAD), mode))["allowed"]
        for other in (template("Deployment", BAD), pod(BAD)):
            with case(str(other["kind"])):
                asked = review(other, operation="DELETE", object=None)
                found = response_of(await served.post(PATH, asked), asked)
                assert "not-judged" == found["auditAnnotations"]["reason"]


async def test_a_reason_is_told_on_one_line_of_ascii_and_bounded(
    tmp_path: Path,
) -> None:
    made: Place = place(tmp_path)
    async with running_gate(made, spool=tmp_path / "spool") as served:
        asked = glass(BAD, why="a\nb\x1b[31m ünï " + "x" * 5_000)
        found = response_of(await served.post(PATH, asked), asked)
        told = found["auditAnnotations"]["why"]
        assert told.isascii()
        assert told.isprintable()
        (use,) = uses(tmp_path / "spool")
        assert 1_000 == len(use["reason"])
