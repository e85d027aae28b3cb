"""Decisions: what a verdict's life depends on, and what a deadline answers."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.cases import case
from tests.support.http import ask
from tests.tlog.gate.workshop import (
    BAD,
    BAD_SHA256,
    BOTH,
    GOOD,
    RULES,
    Served,
    place,
    pod,
    response_of,
    review,
    running_gate,
)
from tests.tlog.rules.test_conditions import DENYING, sbom
from tests.tlog.rules.workshop import (
    CLEAN,
    CYCLONEDX,
    NOW,
    SCANNED,
    WAIVED,
    Paper,
    at,
    block,
    built,
    keys,
    scan,
    write_keys,
)
from tests.tlogverify.attestation.stories import ALICE, provenance
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY_TEXT
from tlog.rules import MAX_DOCUMENTS
from tlogclient.sboms import REFERENCE_TYPE

ARTIFACT = f"sha256:{ARTIFACT_SHA256.hex()}"
OTHER = f"sha256:{BAD_SHA256.hex()}"
HITS = "tlog_gate_cache_hits_total"


async def facts(served: Served, artifact: str = ARTIFACT) -> tuple[str, str, bool]:
    """Return what is decided of an artifact: outcome, reason, and whether cached."""
    told = await served.decide(artifact)
    return told["outcome"], told["reason"], told["cached"]


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Give the URL of a server that takes requests and never answers."""
    taken: list[asyncio.StreamWriter] = []

    async def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in taken:
            writer.transport.abort()


async def test_an_allowed_verdict_lives_until_its_rules_or_its_folder_change(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with running_gate(made) as served:
        assert ("allowed", "met", False) == await facts(served)
        made.clock.wait(10**6)
        assert ("allowed", "met", True) == await facts(served)
        made.put("other", built(subject=BAD_SHA256.hex()))
        assert ("allowed", "met", False) == await facts(served)
        assert ("allowed", "met", True) == await facts(served)
        made.replace_rules(RULES + SCANNED)
        assert ("allowed", "met", False) == await facts(served)
        made.replace_rules(keys() + SCANNED.replace("bob", "carol"))
        assert ("refused", "not-met", False) == await facts(served)
        # Another policy, which trusts the same: another trust all the same.
        # The rules that held before are the same rules again.
        made.replace_rules(RULES)
        assert ("allowed", "met", True) == await facts(served)
        made.policy.write_bytes(POLICY_TEXT + b"# one more line\n")
        assert ("allowed", "met", False) == await facts(served)


async def test_an_sbom_is_found_however_many_documents_lie_before_it(
    tmp_path: Path,
) -> None:
    content = json.dumps(sbom()).encode()
    digits = hashlib.sha256(content).hexdigest()
    predicate = {"references": [{"digest": {"sha256": digits}}]}
    made = place(tmp_path, keys() + block(CYCLONEDX, "alice", lines=DENYING))
    made.put("0-refers", Paper(REFERENCE_TYPE, predicate))
    paper = built()
    for number in range(MAX_DOCUMENTS):
        made.put(f"1-{number}", paper)
    async with running_gate(made, refused_s=0) as served:
        assert ("refused", "not-met", False) == await facts(served)
        (made.documents / digits).write_bytes(content)
        assert ("allowed", "met", False) == await facts(served)


async def test_a_refusal_lives_for_seconds(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with running_gate(made, refused_s=5) as served:
        assert ("refused", "no-entry", False) == await facts(served, OTHER)
        made.clock.wait(4)
        assert ("refused", "no-entry", True) == await facts(served, OTHER)
        made.clock.wait(1)
        assert ("refused", "no-entry", False) == await facts(served, OTHER)
        # Who attests it now need not wait at all: the folder has changed.
        made.put("other", built(subject=BAD_SHA256.hex()))
        assert ("allowed", "met", False) == await facts(served, OTHER)


async def test_a_verdict_ends_in_the_second_that_it_says(tmp_path: Path) -> None:
    waived = WAIVED % (BAD_SHA256.hex(), at(NOW + 100))
    made = place(tmp_path, RULES + waived)
    async with running_gate(made) as served:
        told = await served.decide(OTHER)
        assert ("allowed", "exception") == (told["outcome"], told["reason"])
        made.clock.wait(told["expires"] - NOW - 1)
        assert ("allowed", "exception", True) == await facts(served, OTHER)
        made.clock.wait(1)
        assert ("refused", "no-entry", False) == await facts(served, OTHER)


async def test_a_clock_that_is_set_back_ends_a_verdict(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with running_gate(made) as served:
        await facts(served)
        made.clock.time_s -= 1
        assert ("allowed", "met", False) == await facts(served)


async def test_the_cache_is_bounded_and_can_be_none(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with running_gate(made, cache_verdicts=1) as served:
        await facts(served)
        await facts(served, OTHER)
        assert 1 == await served.sample("tlog_gate_cached")
        assert ("allowed", "met", False) == await facts(served)
    async with running_gate(made, cache_verdicts=0) as served:
        await facts(served)
        assert ("allowed", "met", False) == await facts(served)
        assert 0 == await served.sample(HITS)


async def test_rules_that_cannot_be_used_change_nothing(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with running_gate(made) as served:
        made.replace_rules("[[require]]\n")
        assert ("allowed", "met", False) == await facts(served)
        failures = "tlog_gate_reload_failures_total"
        assert 1 == await served.sample(failures, file="rules")
        made.rules.unlink()
        assert ("allowed", "met", True) == await facts(served)
        made.replace_rules(keys() + SCANNED.replace("bob", "carol"))
        assert ("refused", "not-met", False) == await facts(served)


async def test_a_key_that_is_changed_in_its_place_ends_its_verdicts(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    aside = tmp_path / "aside"
    aside.mkdir()
    write_keys(aside)
    made.rules.write_text(RULES.replace('file = "', 'file = "aside/'))
    alice, mallory = (aside / f"{it}.pub" for it in ("alice", "mallory"))
    async with running_gate(made) as served:
        assert ("allowed", "met", False) == await facts(served)
        alice.write_bytes(mallory.read_bytes())
        assert ("refused", "not-met", False) == await facts(served)


async def test_what_is_written_twice_within_a_tick_is_read_twice(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with running_gate(made) as served:
        assert ("allowed", "met", False) == await facts(served)
        made.rules.write_text(RULES)
        stamp = made.rules.stat()
        assert "allowed" == (await facts(served))[0]
        made.rules.write_text(
            RULES.replace('signers = ["alice"]', 'signers = ["carol"]')
        )
        # As on a file system whose time has not moved on.
        os.utime(made.rules, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        while "allowed" == (await facts(served))[0]:
            pass


async def test_rules_that_are_slow_to_read_hold_up_nothing_else(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with running_gate(made, deadline_ms=50) as served:
        made.rules.unlink()
        os.mkfifo(made.rules)
        assert ("undecided", "deadline", False) == await facts(served)
        assert 200 == (await ask(served.url, "/healthz")).status
        # It reads on where somebody writes, and finds nothing.
        while "undecided" == (await facts(served))[0]:
            os.close(os.open(made.rules, os.O_RDWR | os.O_NONBLOCK))


async def test_each_environment_has_its_own_rules(tmp_path: Path) -> None:
    made = place(tmp_path)
    strict = tmp_path / "strict.toml"
    strict.write_text(keys() + SCANNED.replace("bob", "carol"))
    files = (str(made.rules), f"production={strict}")
    overrides = ("live=enforce:production",)
    async with running_gate(made, rules=files, namespaces=overrides) as served:
        table = {"default": "met", "production": "not-met", "nowhere": "no-rules"}
        for environment, reason in table.items():
            with case(environment):
                told = await served.decide(ARTIFACT, environment=environment)
                assert reason == told["reason"]
        named = {"shop": "met", "live": "not-met"}
        for namespace, reason in named.items():
            with case(namespace):
                found = await served.admit(review(pod(GOOD), namespace=namespace))
                assert reason == found["auditAnnotations"]["reason"]
        # No label is of what somebody has asked for.
        name = "tlog_gate_decisions_total"
        assert 0 == await served.sample(name, environment="nowhere")
        assert 1 == await served.sample(name, environment="other")


async def test_a_log_that_never_answers_is_answered_for_and_nothing_is_kept(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with silent() as url:
        hanging = {"log": url, "deadline_ms": 50, "log_wait_ms": 29_000}
        async with running_gate(made, **hanging) as served:
            # What lies in the folder needs no log; a busy machine is late even so.
            while "allowed" != (await facts(served))[0]:
                pass
            while not await served.sample("tlog_gate_checks"):
                assert ("undecided", "deadline", False) == await facts(served, OTHER)
            found = await served.admit(review(pod(BAD)))
            assert not found["allowed"]
            assert "undecided (deadline)" in found["status"]["message"]
            assert "undecided" == found["auditAnnotations"]["verdict"]
            assert 1 == await served.sample("tlog_gate_cached")
            # Both questions wait for one answer.
            assert 1 == await served.sample("tlog_gate_checks")
        async with running_gate(made, **hanging, undecided="allow") as served:
            found = await served.admit(review(pod(BAD)))
            assert found["allowed"]
            assert "undecided" == found["auditAnnotations"]["verdict"]
            assert "undecided (deadline)" in " ".join(found["warnings"])
            told = await served.decide(OTHER)
            assert (True, "undecided") == (told["allowed"], told["outcome"])


async def test_an_answer_comes_before_the_api_server_stops_to_wait(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with silent() as url:
        hanging = {"log": url, "deadline_ms": 29_000, "log_wait_ms": 29_000}
        async with running_gate(made, **hanging) as served:
            asked = review(pod(BAD))
            answer = await served.post("/admit/enforce?timeout=1s", asked)
            found = response_of(answer, asked)
            assert "undecided (deadline)" in found["status"]["message"]


async def test_a_source_that_fails_decides_nothing_unless_a_document_forbids(
    tmp_path: Path,
) -> None:
    made = place(tmp_path, BOTH)

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=500)

    app = web.Application()
    app.router.add_get("/{path:.*}", refuse)
    async with TestServer(app) as broken:
        url = str(broken.make_url("/")).rstrip("/")
        async with running_gate(made, log=url, undecided="allow") as served:
            assert ("allowed", "met", False) == await facts(served)
            assert ("undecided", "source", False) == await facts(served, OTHER)
            assert ("undecided", "source", False) == await facts(served, OTHER)
            failures = "tlog_gate_source_failures_total"
            assert 2 == await served.sample(failures, source="log")
            # A scan that shows what is denied is a fact, whatever others know.
            bad = CLEAN.but(predicate=scan(("CVE-9", "critical")))
            made.put("scan", bad)
            assert ("refused", "not-met", False) == await facts(served)
        async with running_gate(made, log=url, ask="all") as served:
            made.put("scan", CLEAN)
            assert ("undecided", "source", False) == await facts(served)


async def test_no_more_is_judged_at_once_than_is_set(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with silent() as url:
        hanging = {"log": url, "deadline_ms": 50, "checks": 1}
        async with running_gate(made, **hanging) as served:
            while not await served.sample("tlog_gate_checks"):
                assert "deadline" == (await facts(served, OTHER))[1]
            third = f"sha256:{'cd' * 32}"
            while "busy" != (await facts(served, third))[1]:
                assert 1 == await served.sample("tlog_gate_checks")


async def test_what_was_taken_away_is_not_waited_for(tmp_path: Path) -> None:
    made = place(tmp_path)
    async with silent() as url:
        hanging = {"log": url, "deadline_ms": 50, "log_wait_ms": 29_000, "ask": "all"}
        async with running_gate(made, **hanging) as served:
            while not await served.sample("tlog_gate_checks"):
                assert "deadline" == (await facts(served))[1]
            (made.documents / "build.intoto.jsonl").unlink()
            # The first is judged by what is no longer there.
            while 2 != await served.sample("tlog_gate_checks"):
                assert "deadline" == (await facts(served))[1]


async def test_what_is_audited_is_answered_at_once_and_judged_later(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    async with running_gate(made) as served:
        told = await served.decide(OTHER, mode="audit", requester="ci")
        assert (True, "undecided", "later") == (
            told["allowed"],
            told["outcome"],
            told["reason"],
        )
        found = await served.admit(review(pod(BAD)), "audit")
        assert (True, "later") == (
            found["allowed"],
            found["auditAnnotations"]["reason"],
        )
        # Once both are judged, which no answer waited for.
        name = "tlog_gate_decisions_total"
        counted = 0.0
        while counted < 2:
            counted = await served.sample(
                name, mode="audit", outcome="refused", reason="no-entry"
            )


async def test_a_document_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    made = place(tmp_path)
    (made.documents / "a.intoto.jsonl").write_bytes(b"{")
    (made.documents / "b.sigstore.json").write_bytes(b"[" * 10_000)
    (made.documents / "c.intoto.jsonl").mkdir()
    made.put("d", built(subject=BAD_SHA256.hex()))
    (made.documents / "d.tlog-proof").unlink()
    async with running_gate(made) as served:
        assert ("allowed", "met", False) == await facts(served)
        assert ("refused", "no-entry", False) == await facts(served, OTHER)


async def test_a_document_of_a_stranger_or_of_another_artifact_counts_for_nothing(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    paper = built(subject=BAD_SHA256.hex())
    made.put("forged", paper.but(predicate=provenance(tag="forged")))
    document = built().document
    # The provenance of another artifact, with its proof, under a new name.
    (made.documents / "stolen.intoto.jsonl").write_bytes(document.envelope)
    (made.documents / "stolen.tlog-proof").write_bytes(document.proof)
    async with running_gate(made, rules=(str(made.rules),)) as served:
        assert ("allowed", "met", False) == await facts(served, OTHER)
        made.replace_rules(keys() + SCANNED.replace("bob", "carol"))
        made.put("scan-other", CLEAN.but(subject=BAD_SHA256.hex(), signers=(ALICE,)))
        assert ("refused", "not-met", False) == await facts(served, OTHER)
