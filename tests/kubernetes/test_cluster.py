"""A real API server asks a real gate: the printed manifest, row by row.

Source: Kubernetes, "Dynamic Admission Control", "Validating Admission Policy";
`docs/gate.md`.
"""

import json
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.cluster import why_not
from tests.kubernetes.papers import Authority
from tests.kubernetes.place import (
    BAD,
    BY_DIGEST,
    GOOD,
    HOST,
    MERGE,
    NAMESPACES,
    TAGGED,
    Place,
    named,
    pod,
    set_up,
)
from tests.support.cases import case
from tests.system.test_attest import tlog
from tests.system.test_gate import log_of
from tests.tlog.gate.workshop import template

if missing := why_not():
    pytest.skip(missing, allow_module_level=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give one cluster to all tests, each with Pods of its own names."""
    with set_up(tmp_path_factory.mktemp("k")) as made:
        yield made


def test_what_is_printed_is_taken_as_it_is_and_again_changes_nothing(
    place: Place,
) -> None:
    before = [it.body["metadata"]["resourceVersion"] for it in place.apply()]
    again = place.apply()
    assert {200} == {it.status for it in again}
    assert before == [it.body["metadata"]["resourceVersion"] for it in again]
    (address,) = place.cluster.way.asked
    assert address.endswith(":443")


def test_a_pod_runs_by_the_mode_of_its_namespace(place: Place) -> None:
    table = [
        ("shop", GOOD, 201, ""),
        ("shop", BAD, 403, ""),
        ("lab", GOOD, 201, ""),
        ("lab", BAD, 201, "refused (no-entry)"),
        ("seen", BAD, 201, ""),
        ("free", BAD, 201, ""),
        ("kube-system", BAD, 201, ""),
        ("tlog-gate", BAD, 201, ""),
    ]
    for number, (namespace, image, status, warning) in enumerate(table):
        with case(f"{namespace} {image}"):
            name = f"mode-{number}"
            said = place.make(pod(name, image), namespace)
            assert status == said.status, said.body
            assert bool(warning) == bool(said.warnings)
            assert warning in " ".join(said.warnings)
            if status == 403:
                assert "enforce.gate.tlog.dev" in said.message
                assert f"{BAD}: refused (no-entry)" in said.message
            told = place.cluster.audited(name) if status == 201 else {}
            mode = NAMESPACES.get(namespace, "")
            verdict = told.get(f"{mode}.gate.tlog.dev/verdict")
            expected = {"seen": "undecided", "lab": "refused"}.get(namespace)
            if mode and status == 201:
                assert (expected if image == BAD else "allowed") == verdict


def test_what_is_decided_is_in_the_audit_log(place: Place) -> None:
    place.make(pod("audited", GOOD))
    told = place.cluster.audited("audited")
    hook = "enforce.gate.tlog.dev"
    digest = GOOD.partition("@")[2]
    assert ("allowed", "met", digest, "0", "log.example/system") == tuple(
        told[f"{hook}/{it}"]
        for it in ("verdict", "reason", "digest", "index", "origin")
    )
    assert told[f"{hook}/rules"].startswith("sha256:")


def test_every_image_of_a_pod_is_judged(place: Place) -> None:
    table = [
        ("init", pod("each", GOOD, initContainers=(BAD,))),
        ("second", pod("each", GOOD, BAD)),
        ("mounted", _mounting(BAD)),
    ]
    for name, made in table:
        with case(name):
            said = place.make(made)
            assert (403, True) == (said.status, BAD in said.message)
    said = place.make(_mounting(TAGGED))
    assert (403, True) == (said.status, BY_DIGEST in said.message)
    assert 201 == place.make(_mounting(GOOD)).status


def _mounting(image: str) -> Any:
    made = pod("mounting", GOOD)
    made["spec"]["volumes"] = [{"name": "v", "image": {"reference": image}}]
    return made


def test_a_container_that_is_added_to_debug_is_judged_too(place: Place) -> None:
    assert 201 == place.make(pod("debugged", GOOD)).status
    for number, (image, status) in enumerate(((BAD, 403), (TAGGED, 403), (GOOD, 200))):
        with case(image):
            added = {"name": f"e{number}", "image": image}
            change = {"spec": {"ephemeralContainers": [added]}}
            said = place.change("debugged", change, "shop", "/ephemeralcontainers")
            assert status == said.status, said.body
    # An image is changed in its place.
    changed = {"spec": {"containers": [{"name": "c0", "image": BAD}]}}
    assert 403 == place.change("debugged", changed, "shop").status
    labelled = {"metadata": {"labels": {"a": "b"}}}
    assert 200 == place.change("debugged", labelled, "shop").status


def test_templates_are_warned_of_and_made(place: Place) -> None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        with case(kind):
            made = template(kind, BAD)
            labels = {"app": kind.lower()}
            inside = made["spec"]["template"]
            inside["metadata"]["labels"] = labels
            made["spec"]["selector"] = {"matchLabels": labels}
            _require_warned(place, made)
    job = template("Job", BAD)
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    cron = template("CronJob", BAD)
    cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    controller = template("ReplicationController", BAD)
    controller["spec"]["template"]["metadata"]["labels"] = {"app": "c"}
    for made in (job, cron, controller):
        with case(made["kind"]):
            _require_warned(place, made)


def _require_warned(place: Place, made: Any) -> None:
    made["metadata"] = {"name": f"warned-{made['kind'].lower()}"}
    said = place.make(made)
    assert 201 == said.status, said.body
    (warning,) = said.warnings
    assert "refused (no-entry)" in warning


def test_digests_are_demanded_by_the_api_server_itself(place: Place) -> None:
    said = place.make(pod("tagged", TAGGED))
    assert (403, True) == (said.status, BY_DIGEST in said.message)
    said = place.make(pod("tagged", GOOD, initContainers=(TAGGED,)))
    assert (403, True) == (said.status, BY_DIGEST in said.message)
    said = place.make(pod("tagged", TAGGED), "lab")
    assert (201, True) == (said.status, BY_DIGEST in " ".join(said.warnings))
    assert 201 == place.make(pod("tagged-seen", TAGGED), "seen").status
    told = place.cluster.audited("tagged-seen")
    failed = told["validation.policy.admission.k8s.io/validation_failure"]
    assert BY_DIGEST in failed


def test_what_ran_before_its_namespace_was_labelled_can_change(place: Place) -> None:
    assert (
        201 == place.cluster.ask("POST", "/api/v1/namespaces", named("late", "")).status
    )
    made = pod("old", TAGGED)
    made["metadata"]["finalizers"] = ["example.org/keep"]
    assert 201 == place.make(made, "late").status
    at = "/api/v1/namespaces/late"
    labels = {"metadata": {"labels": {"tlog.dev/verify": "enforce"}}}
    assert 200 == place.cluster.ask("PATCH", at, labels, form=MERGE).status
    while place.make(pod("new", BAD), "late", dry=True).status != 403:
        pass
    labelled = {"metadata": {"labels": {"a": "b"}}}
    assert 200 == place.change("old", labelled, "late").status
    other = {"spec": {"containers": [{"name": "c0", "image": f"{TAGGED}.1"}]}}
    said = place.change("old", other, "late")
    assert (403, True) == (said.status, BY_DIGEST in said.message)
    # What goes can lose its finalizer.
    assert 200 == place.cluster.ask("DELETE", f"{at}/pods/old").status
    gone = {"metadata": {"finalizers": None}}
    assert 200 == place.change("old", gone, "late").status


def test_a_namespace_whose_label_is_no_mode_is_refused(place: Place) -> None:
    """Nobody would be asked about its Pods, and nobody would learn of it."""
    root = "/api/v1/namespaces"
    for mode in ("Enforce", "enforced", "off"):
        with case(mode):
            said = place.cluster.ask("POST", root, named("odd", mode))
            assert (403, True) == (said.status, "audit" in said.message)
    # One that does not change its label can be changed, and gone from.
    for name, labels, status in (
        ("free", {"a": "b"}, 200),
        ("free", {"tlog.dev/verify": "Warn"}, 403),
        ("free", {"tlog.dev/verify": "warn"}, 200),
        ("free", {"tlog.dev/verify": None}, 200),
    ):
        with case(str(labels)):
            change = {"metadata": {"labels": labels}}
            said = place.cluster.ask("PATCH", f"{root}/{name}", change, form=MERGE)
            assert status == said.status, said.body


def test_break_glass_is_for_whom_rbac_lets(place: Place) -> None:
    said = place.make(pod("alice", BAD, why="I want to"), user="alice")
    assert (403, True) == (said.status, "enforce.gate.tlog.dev" in said.message)
    said = place.make(pod("plain", BAD), user="carol")
    assert 403 == said.status
    said = place.make(pod("glass", BAD, TAGGED, why="INC-7"), user="carol")
    assert 201 == said.status, said.body
    assert "break-glass: not verified: entry " in " ".join(said.warnings)
    told = place.cluster.audited("glass")
    hook = "break-glass.gate.tlog.dev"
    assert ("allowed", "break-glass", "INC-7", "carol") == tuple(
        told[f"{hook}/{it}"] for it in ("verdict", "reason", "why", "user")
    )
    assert "enforce.gate.tlog.dev/verdict" not in told
    logged = place.folder / "spool" / "logged"
    (use,) = (it for it in logged.glob("*.json") if "INC-7" in it.read_text())
    assert told[f"{hook}/use"] == use.stem
    digest = BAD.partition("@")[2]
    while tlog(place.folder, "search", digest, *log_of(place.folder)).returncode:
        pass
    # Other changes of the same Pod are no use of it.
    count = len([*logged.iterdir()])
    labelled = {"metadata": {"labels": {"a": "b"}}}
    at = "/api/v1/namespaces/shop/pods/glass"
    said = place.cluster.ask("PATCH", at, labelled, user="carol", form=MERGE)
    assert (200, count) == (said.status, len([*logged.iterdir()]))
    # A reason is needed, and a dry run leaves nothing.
    said = place.make(pod("blank", BAD, why=" "), user="carol")
    assert (403, True) == (said.status, "say why" in said.message)
    said = place.make(pod("dry", BAD, why="INC-8"), user="carol", dry=True)
    assert (201, count) == (said.status, len([*logged.iterdir()]))


def test_a_gate_that_is_stopped_lets_nothing_through(place: Place) -> None:
    place.gate.send(signal.SIGSTOP)
    try:
        said = place.make(pod("late", GOOD))
        assert 500 == said.status, said.body
        assert "failed calling webhook" in said.message
        assert 201 == place.make(pod("late", BAD), "free").status
    finally:
        place.gate.send(signal.SIGCONT)
    assert 201 == place.make(pod("late", GOOD)).status


def test_a_certificate_changes_without_a_restart(place: Place) -> None:
    place.authority.write(place.folder, "gate", HOST)
    place.cluster.way.end_all()
    assert 201 == place.make(pod("rotated", GOOD), dry=True).status
    # One of a stranger is believed by nobody, and nothing is let through.
    Authority("stranger").write(place.folder, "gate", HOST)
    place.cluster.way.end_all()
    said = place.make(pod("rotated", GOOD), dry=True)
    assert (500, True) == (said.status, "certificate" in said.message)
    place.authority.write(place.folder, "gate", HOST)
    place.cluster.way.end_all()
    assert 201 == place.make(pod("rotated", GOOD), dry=True).status


def test_replacing_it_under_load_admits_nothing_bad(place: Place) -> None:
    found: list[int] = []
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            found.append(place.make(pod("load", BAD), dry=True).status)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for it in threads:
        it.start()
    try:
        for number in range(9):
            said = place.apply("--timeout-seconds", str(3 + number % 3))
            assert {200} == {it.status for it in said}
    finally:
        is_over.set()
        for it in threads:
            it.join()
    assert len(found) > 9
    assert {403} == set(found)


def test_coverage_is_told_of_what_the_cluster_runs(place: Place) -> None:
    place.make(pod("covered", GOOD), "free")
    place.make(pod("uncovered", BAD), "free")
    (place.folder / "token").write_text("admin-token\n")
    at = ("coverage", *log_of(place.folder), "--kubernetes", place.cluster.url)
    given = ("--kubernetes-token-file", "token", "--ca-file", "api-ca.pem", "--json")
    done = tlog(place.folder, *at, *given)
    told = {
        it["artifact"]: it["provenance"]
        for it in map(json.loads, done.stdout.splitlines())
    }
    assert (1, True, False) == (done.returncode, told.get(GOOD), told.get(BAD)), (
        done.stderr
    )
