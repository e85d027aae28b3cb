"""What a cluster is given: read from the printed text, by another YAML reader.

Source: Kubernetes, admissionregistration.k8s.io/v1; section A of the row by row list in
`docs/gate.md`.
"""

import base64
import re
from typing import Any, Final

import pytest
import yaml  # type: ignore[import-untyped]  # the oracle alone: nothing of ours needs it

from tests.support.cases import case
from tlog.gate.manifest import Installation, objects_of
from tlog.gate.reviews import REASON_ANNOTATION
from tlog.gate.yaml import encode_documents
from tlogverify.errors import FormatError

IMAGE: Final = f"images.example/tlog@sha256:{'ab' * 32}"
AUTHORITY: Final = b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
PLAIN: Final = Installation(IMAGE, AUTHORITY, {"RULES.toml": "[[keys]]\n"})
GLASS: Final = "authorizer.group('tlog.dev').resource('breakglass')"


def printed(installation: Installation = PLAIN) -> list[dict[str, Any]]:
    """Return the objects of the printed text, in its order."""
    found = yaml.safe_load_all(encode_documents(objects_of(installation)))
    return list(found)


def of_kind(kind: str, installation: Installation = PLAIN) -> dict[str, Any]:
    """Return the one object of a kind."""
    (found,) = [it for it in printed(installation) if kind == it["kind"]]
    return found


def named(name: str, installation: Installation = PLAIN) -> dict[str, Any]:
    """Return the policy of a name."""
    (found,) = [
        it
        for it in printed(installation)
        if (it["kind"], it["metadata"]["name"]) == ("ValidatingAdmissionPolicy", name)
    ]
    return found


def test_the_printed_text_says_what_the_objects_say() -> None:
    assert objects_of(PLAIN) == printed()


def test_every_text_comes_back_as_it_was() -> None:
    texts = ["", "no", "1e3", "a: b", "- x", "#c", "ünï", "\U0001f600", "a\nb", "'\"\\"]
    texts += [
        "0x1f",
        "~",
        "null",
        "2026-01-01",
        "a ",
        " a",
        "\x7f",
        "\u2028",
        "{}",
        "=x",
    ]
    value = {"list": [texts, [], {}, [[1, -2], [True, False]]], "map": {"a": {}}}
    assert [value] == list(yaml.safe_load_all(encode_documents([value])))
    for text in texts:
        with case(repr(text)):
            named = {text or "empty": text}
            assert named == yaml.safe_load(encode_documents([named]))
    for odd in (1.5, None, b"x", {1, 2}):
        with pytest.raises(TypeError):
            encode_documents([{"a": odd}])


def test_the_configuration_is_one_object_and_comes_last() -> None:
    # Who applies one object changes it in one write, and no moment is without it.
    kinds = [it["kind"] for it in printed()]
    assert "ValidatingWebhookConfiguration" == kinds[-1]
    assert 1 == kinds.count("ValidatingWebhookConfiguration")
    for kind in ("Deployment", "Service", "PodDisruptionBudget", "ServiceAccount"):
        assert 1 == kinds.count(kind)
    assert "Namespace" == kinds[0]
    text = encode_documents(objects_of(PLAIN))
    assert re.search(r"hook-delete|argocd.*Replace|generateName", text) is None


def test_no_webhook_lets_through_what_is_not_answered() -> None:
    hooks = of_kind("ValidatingWebhookConfiguration")["webhooks"]
    assert 4 == len({it["name"] for it in hooks})
    for hook in hooks:
        with case(hook["name"]):
            assert 3 <= len(hook["name"].split("."))
            assert ("Fail", "Equivalent", ["v1"]) == (
                hook["failurePolicy"],
                hook["matchPolicy"],
                hook["admissionReviewVersions"],
            )
            assert 3 <= hook["timeoutSeconds"] <= 5
            client = hook["clientConfig"]
            assert AUTHORITY == base64.b64decode(client["caBundle"])
            pods = hook["rules"][0]
            assert ["pods", "pods/ephemeralcontainers"] == pods["resources"]
            assert ["CREATE", "UPDATE"] == pods["operations"]


def test_labels_lead_to_paths_and_two_namespaces_are_never_asked_about() -> None:
    hooks = of_kind("ValidatingWebhookConfiguration")["webhooks"]
    found = {}
    for hook in hooks:
        label, name = hook["namespaceSelector"]["matchExpressions"]
        assert ("tlog.dev/verify", "In") == (label["key"], label["operator"])
        assert ("kubernetes.io/metadata.name", "NotIn") == (
            name["key"],
            name["operator"],
        )
        assert ["kube-system", "tlog-gate"] == name["values"]
        found[hook["clientConfig"]["service"]["path"]] = label["values"]
    modes = ["enforce", "warn", "audit"]
    paths = {f"/admit/{it}": [it] for it in modes} | {"/break-glass": modes}
    assert paths == found


def test_break_glass_is_the_api_servers_to_find_and_has_one_way() -> None:
    *plain, glass = of_kind("ValidatingWebhookConfiguration")["webhooks"]
    (condition,) = glass["matchConditions"]
    for part in (GLASS, ".check('use').allowed()", REASON_ANNOTATION):
        assert part in condition["expression"]
    # A request goes to the one or to the other, never to both or to neither.
    for hook in plain:
        (other,) = hook["matchConditions"]
        assert f"!({condition['expression']})" == other["expression"]
        assert "None" == hook["sideEffects"]
    assert "NoneOnDryRun" == glass["sideEffects"]
    (rule,) = of_kind("ClusterRole")["rules"]
    assert (["tlog.dev"], ["breakglass"], ["use"]) == (
        rule["apiGroups"],
        rule["resources"],
        rule["verbs"],
    )
    assert not [it for it in printed() if it["kind"].endswith("RoleBinding")]


def test_digests_are_demanded_first_and_may_be_left_out() -> None:
    policy = named("tlog-gate-digests")["spec"]
    (validation,) = policy["validations"]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        assert f"object.spec.{kind}.all(" in validation["expression"]
    assert "object.spec.volumes.all(" in validation["expression"]
    assert "@sha256:[0-9a-f]{64}$" in validation["expression"]
    # As the gate's own refusals: 403, where the API server's usual is 422.
    assert ("Fail", "Forbidden") == (policy["failurePolicy"], validation["reason"])
    bindings = [
        it
        for it in printed()
        if "tlog-gate-digests" == it.get("spec", {}).get("policyName")
    ]
    actions = {
        it["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0][
            "values"
        ][0]: it["spec"]["validationActions"]
        for it in bindings
    }
    assert {"enforce": ["Deny"], "warn": ["Warn"], "audit": ["Audit"]} == actions
    without = Installation(IMAGE, AUTHORITY, {}, demands_digests=False)
    names = {it["metadata"]["name"] for it in printed(without)}
    assert not [it for it in names if "digests" in it]


def test_a_label_of_no_mode_is_refused_with_tags_and_without() -> None:
    for tags in (True, False):
        installation = Installation(IMAGE, AUTHORITY, {}, demands_digests=tags)
        spec = named("tlog-gate-modes", installation)["spec"]
        (validation,) = spec["validations"]
        assert "in ['enforce', 'warn', 'audit']" in validation["expression"]
        (rule,) = spec["matchConstraints"]["resourceRules"]
        assert (["namespaces"], "Cluster") == (rule["resources"], rule["scope"])
        (binding,) = [
            it
            for it in printed(installation)
            if "tlog-gate-modes" == it.get("spec", {}).get("policyName")
        ]
        assert ["Deny"] == binding["spec"]["validationActions"]


def test_the_gate_runs_with_no_rights_and_speaks_tls() -> None:
    account = of_kind("ServiceAccount")
    assert account["automountServiceAccountToken"] is False
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert IMAGE == container["image"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    for probe in ("readinessProbe", "livenessProbe"):
        assert "HTTPS" == container[probe]["httpGet"]["scheme"]
    assert [it for it in container["args"] if it.startswith("--certificate=")]
    assert {"RULES.toml": "[[keys]]\n"} == of_kind("ConfigMap")["data"]
    assert 1 == of_kind("PodDisruptionBudget")["spec"]["minAvailable"]
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert labels == of_kind("Service")["spec"]["selector"]


def test_its_bounds_are_kubernetes_and_its_own() -> None:
    for seconds in (2, 6):
        with pytest.raises(FormatError, match="timeoutSeconds"):
            Installation(IMAGE, AUTHORITY, {}, timeout_s=seconds)
    with pytest.raises(FormatError, match="replica"):
        Installation(IMAGE, AUTHORITY, {}, replicas=0)
