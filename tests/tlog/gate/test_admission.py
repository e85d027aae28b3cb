"""Reviews and their answers: every kind, mode and reason, over real HTTP.

Source: Kubernetes, "Dynamic Admission Control".
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.cases import case
from tests.tlog.gate.workshop import (
    BAD,
    GOOD,
    TAGGED,
    Served,
    place,
    pod,
    review,
    running_gate,
    spec,
    template,
)
from tests.tlogverify.actors import LOG
from tests.tlogverify.documents import ARTIFACT_SHA256
from tlog.rules import read_rules

ODD = [
    "",
    " ",
    "App:1",
    "app@sha256:12",
    f"app@sha256:{'AB' * 32}",
    f"app@sha512:{'ab' * 64}",
    f"app@{'sha256:' + 'ab' * 32}@{'sha256:' + 'ab' * 32}",
    "a" * 600,
    "https://images.example/app:1",
    "app:1\nspoofed line",
    "ünï/app@sha256:" + "ab" * 32,
    "../../etc@sha256:" + "ab" * 32,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Served]:
    made = place(tmp_path_factory.mktemp("gate"))
    overrides = ("frozen=enforce", "free=warn", "seen=audit:default")
    async with running_gate(made, namespaces=overrides) as found:
        yield found


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_pod_runs_if_every_image_is_allowed_and_is_refused_by_one(
    served: Served,
) -> None:
    kinds = ("containers", "initContainers", "ephemeralContainers")
    for kind in kinds:
        with case(kind):
            made = pod(GOOD)
            made["spec"][kind] = [{"name": "x", "image": GOOD}]
            allowed = await served.admit(review(made))
            assert (True, False) == (allowed["allowed"], "warnings" in allowed)
            made["spec"][kind] = [{"name": "x", "image": BAD}]
            refused = await served.admit(review(made))
            assert not refused["allowed"]
            assert refused["status"]["message"].startswith(
                f"{BAD}: refused (no-entry): "
            )


async def test_what_a_pod_mounts_from_an_image_is_judged_too(served: Served) -> None:
    for image, allowed in ((GOOD, True), (BAD, False), (TAGGED, False)):
        with case(image):
            made = pod(GOOD)
            mounted = {"name": "v", "image": {"reference": image}}
            made["spec"]["volumes"] = [{"name": "e", "emptyDir": {}}, mounted]
            assert allowed == (await served.admit(review(made)))["allowed"]


async def test_what_is_decided_is_annotated(served: Served) -> None:
    rules = read_rules(served.gate.settings.rules[0]).sha256.hex()
    found = await served.admit(review(pod(GOOD)))
    assert {
        "verdict": "allowed",
        "reason": "met",
        "image": GOOD,
        "digest": f"sha256:{ARTIFACT_SHA256.hex()}",
        "index": "3",
        "origin": LOG.name,
        "rules": f"sha256:{rules}",
    } == found["auditAnnotations"]
    found = await served.admit(review(pod(GOOD, BAD)))
    assert "refused" == found["auditAnnotations"]["verdict"]
    assert f"{BAD},{GOOD}" == found["auditAnnotations"]["image"]
    assert "no-entry,met" == found["auditAnnotations"]["reason"]


async def test_modes_come_by_the_path_and_a_namespaces_setting_is_stronger(
    served: Served,
) -> None:
    table = [
        ("shop", "enforce", False, 0, "refused"),
        ("shop", "warn", True, 1, "refused"),
        ("shop", "audit", True, 0, "undecided"),
        ("frozen", "audit", False, 0, "refused"),
        ("free", "enforce", True, 1, "refused"),
        ("seen", "enforce", True, 0, "undecided"),
    ]
    for namespace, mode, allowed, warnings, verdict in table:
        with case(f"{namespace} {mode}"):
            asked = review(pod(BAD), namespace=namespace)
            found = await served.admit(asked, mode)
            told = found["auditAnnotations"]["verdict"]
            count = len(found.get("warnings", ()))
            assert (allowed, warnings, verdict) == (found["allowed"], count, told)


async def test_templates_are_warned_of_and_never_refused(served: Served) -> None:
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
    for kind in (*kinds, "ReplicationController"):
        for mode in ("enforce", "warn"):
            with case(f"{kind} {mode}"):
                found = await served.admit(review(template(kind, BAD, GOOD)), mode)
                (warning,) = found["warnings"]
                assert (True, True) == (found["allowed"], BAD[:40] in warning)
                found = await served.admit(review(template(kind, GOOD)), mode)
                assert (True, False) == (found["allowed"], "warnings" in found)


async def test_an_image_without_a_digest_and_one_with_an_odd_one_are_refused(
    served: Served,
) -> None:
    for image in (TAGGED, "app", "app:1", "images.example:5000/app"):
        with case(image):
            found = await served.admit(review(pod(image)))
            assert not found["allowed"]
            assert "no-digest" == found["auditAnnotations"]["reason"]
    for image in ODD[1:]:
        with case(image):
            found = await served.admit(review(pod(GOOD, image)))
            assert not found["allowed"]
            assert "unreadable" in found["auditAnnotations"]["reason"]


async def test_an_update_is_judged_by_the_images_that_are_new(served: Served) -> None:
    table: list[tuple[str, tuple[str, ...], tuple[str, ...], bool]] = [
        ("labels alone", (BAD,), (BAD,), True),
        ("one is new", (GOOD,), (GOOD, BAD), False),
        ("one goes", (GOOD, BAD), (GOOD,), True),
        ("another one", (BAD,), (GOOD,), True),
    ]
    for name, before, after, allowed in table:
        with case(name):
            asked = review(pod(*after), operation="UPDATE", oldObject=pod(*before))
            assert allowed == (await served.admit(asked))["allowed"]
    # Before it is a Pod's: what runs does not change by it.
    asked = review(pod(GOOD), oldObject=pod(BAD), operation="CREATE")
    assert (await served.admit(asked))["allowed"]
    debugged = pod(GOOD, ephemeralContainers=(BAD,))
    sub = {"subResource": "ephemeralcontainers", "operation": "UPDATE"}
    asked = review(debugged, oldObject=pod(GOOD), **sub)
    assert not (await served.admit(asked))["allowed"]


async def test_what_goes_is_let_go(served: Served) -> None:
    going = pod(BAD)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    asked = review(going, operation="UPDATE", oldObject=going)
    assert (await served.admit(asked))["allowed"]
    # Nobody makes a Pod that goes already, or says of one that it goes.
    assert not (await served.admit(review(going)))["allowed"]
    asked = review(going, operation="UPDATE", oldObject=pod(GOOD))
    assert not (await served.admit(asked))["allowed"]
    asked = review(pod(BAD), operation="DELETE", object=None)
    found = await served.admit(asked)
    assert (True, "not judged") == (
        found["allowed"],
        found["auditAnnotations"]["verdict"],
    )


async def test_what_cannot_be_read_as_a_pod_is_refused_and_not_passed_over(
    served: Served,
) -> None:
    broken: list[tuple[str, Any]] = [
        ("no spec", {**pod(GOOD), "spec": None}),
        ("containers are no list", {**pod(GOOD), "spec": {"containers": {}}}),
        ("a container is a text", {**pod(GOOD), "spec": {"containers": [GOOD]}}),
        ("an image is a number", pod(7)),  # type: ignore[arg-type]  # what is tried
        ("containers are an empty map", {**pod(GOOD), "spec": {"containers": {}}}),
        ("containers are an empty text", {**pod(GOOD), "spec": {"containers": ""}}),
        ("no container", {**pod(GOOD), "spec": {"containers": []}}),
        ("an image is not there", pod(GOOD, "")),
        ("an image is false", pod(GOOD, False)),  # type: ignore[arg-type]  # the same
        ("many containers", pod(*[GOOD] * 513)),
        ("many volumes", {**pod(GOOD), "spec": {**spec(GOOD), "volumes": [{}] * 1025}}),
        ("another kind", {**pod(GOOD), "kind": "Widget"}),
        ("another group", {**pod(GOOD), "apiVersion": "evil.example/v1"}),
    ]
    for name, made in broken:
        with case(name):
            if name == "containers are no list":
                made["spec"]["containers"] = {"a": 1}
            found = await served.admit(review(made))
            assert not found["allowed"]
            assert "unreadable" == found["auditAnnotations"]["reason"]
            assert (await served.admit(review(made), "warn"))["allowed"]


async def test_a_review_of_no_known_operation_is_no_review(served: Served) -> None:
    for operation in ("create", "", None, "PATCH"):
        with case(str(operation)):
            asked = review(pod(BAD), operation=operation)
            assert 400 == (await served.post("/admit/enforce", asked)).status


async def test_decisions_are_counted_by_a_closed_set_of_labels(served: Served) -> None:
    name = "tlog_gate_decisions_total"
    labels = {
        "outcome": "refused",
        "reason": "no-entry",
        "environment": "default",
        "mode": "enforce",
    }
    before = await served.sample(name, **labels)
    await served.admit(review(pod(GOOD, BAD)))
    assert before + 1 == await served.sample(name, **labels)
