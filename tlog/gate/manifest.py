"""All that a cluster needs to ask a gate, as Kubernetes objects.  PURE.

The order is the argument.  The configuration that routes requests to the gate comes
last, so that nothing is asked of a gate that is not there yet.  It is one object with
all webhooks: who applies it again changes it in one write, and no moment is without it.
A namespace is asked about by its label `tlog.dev/verify`: enforce, warn or audit.

Source: Kubernetes, admissionregistration.k8s.io/v1, apps/v1, policy/v1, rbac v1.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tlog.gate.reviews import REASON_ANNOTATION
from tlog.gate.settings import MODES
from tlogverify.errors import FormatError

LABEL: Final = "tlog.dev/verify"
MIN_TIMEOUT_S: Final = 3
MAX_TIMEOUT_S: Final = 5

_CONFIG: Final = "/etc/tlog-gate"
_TLS: Final = "/etc/tlog-gate-tls"
_SPOOL: Final = "/var/lib/tlog-gate"
_PORT: Final = 8443
_NAME: Final = "kubernetes.io/metadata.name"
_ACTIONS: Final = {"enforce": "Deny", "warn": "Warn", "audit": "Audit"}
_TEMPLATES: Final[Mapping[str, Sequence[str]]] = {
    "": ("replicationcontrollers",),
    "apps": ("deployments", "statefulsets", "daemonsets", "replicasets"),
    "batch": ("jobs", "cronjobs"),
}
_GLASS: Final = (
    "request.resource.group == '' && request.resource.resource == 'pods' "
    "&& has(object.metadata.annotations) "
    f"&& '{REASON_ANNOTATION}' in object.metadata.annotations "
    "&& authorizer.group('tlog.dev').resource('breakglass')"
    ".namespace(request.namespace).check('use').allowed()"
)
"""Whether the API server's own RBAC lets this user break the glass."""

_BY_DIGEST: Final = (
    "(!has(object.spec.{0}) || object.spec.{0}.all(c, "
    "c.image.matches('@sha256:[0-9a-f]{{64}}$') || (oldObject != null && "
    "has(oldObject.spec.{0}) && oldObject.spec.{0}.exists(o, o.image == c.image))))"
)
_MOUNTED_BY_DIGEST: Final = (
    "(!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.image) || "
    "(has(v.image.reference) && v.image.reference.matches('@sha256:[0-9a-f]{64}$'))))"
)
"""An image that is mounted; volumes of a Pod never change."""

_HAS_LABEL: Final = f"has({{0}}.metadata.labels) && '{LABEL}' in {{0}}.metadata.labels"
_A_MODE: Final = (
    f"!({_HAS_LABEL.format('object')}) "
    f"|| object.metadata.labels['{LABEL}'] in {list(MODES)} "
    f"|| (oldObject != null && {_HAS_LABEL.format('oldObject')} "
    f"&& oldObject.metadata.labels['{LABEL}'] == object.metadata.labels['{LABEL}'])"
)
"""What a namespace may be labelled with; one that is labelled so already can change."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is printed for one cluster.

    image: of the gate.  authorities: PEM, of the gate's certificate.  files: content by
    name, mounted beside each other.  arguments: of `tlog gate`, beside those for its
    place, certificate and spool.  demands_digests: with the policy that does.
    """

    image: str
    authorities: bytes
    files: Mapping[str, str]
    arguments: Sequence[str] = ()
    namespace: str = "tlog-gate"
    replicas: int = 2
    timeout_s: int = MAX_TIMEOUT_S
    demands_digests: bool = True
    labels: Mapping[str, str] = field(
        default_factory=lambda: {"app.kubernetes.io/name": "tlog-gate"}
    )

    def __post_init__(self) -> None:
        if not MIN_TIMEOUT_S <= self.timeout_s <= MAX_TIMEOUT_S:
            raise FormatError(
                f"timeoutSeconds are {MIN_TIMEOUT_S} to {MAX_TIMEOUT_S}", self.timeout_s
            )
        if self.replicas < 1:
            raise FormatError("a gate has at least one replica", self.replicas)


def objects_of(installation: Installation) -> list[dict[str, object]]:
    """Return all objects, in the order in which they are applied."""
    it = installation
    digests = [_digest_policy(), *_digest_bindings(it)] if it.demands_digests else []
    return [
        _object("v1", "Namespace", it.namespace),
        {
            **_namespaced(it, "v1", "ServiceAccount"),
            # It asks the API server nothing.
            "automountServiceAccountToken": False,
        },
        _glass_role(),
        {**_namespaced(it, "v1", "ConfigMap"), "data": dict(it.files)},
        _front(it),
        _deployment(it),
        _budget(it),
        *_mode_policy(),
        *digests,
        _webhooks(it),
    ]


def _object(version: str, kind: str, name: str) -> dict[str, object]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


def _namespaced(it: Installation, version: str, kind: str) -> dict[str, object]:
    metadata = {
        "name": "tlog-gate",
        "namespace": it.namespace,
        "labels": dict(it.labels),
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _glass_role() -> dict[str, object]:
    """Return the right to break the glass; nobody is bound to it."""
    rule = {"apiGroups": ["tlog.dev"], "resources": ["breakglass"], "verbs": ["use"]}
    role = _object("rbac.authorization.k8s.io/v1", "ClusterRole", "tlog-break-glass")
    return {**role, "rules": [rule]}


def _front(it: Installation) -> dict[str, object]:
    port = {"name": "https", "port": 443, "targetPort": _PORT}
    spec = {"selector": dict(it.labels), "ports": [port]}
    return {**_namespaced(it, "v1", "Service"), "spec": spec}


def _budget(it: Installation) -> dict[str, object]:
    spec = {"minAvailable": 1, "selector": {"matchLabels": dict(it.labels)}}
    return {**_namespaced(it, "policy/v1", "PodDisruptionBudget"), "spec": spec}


def _deployment(it: Installation) -> dict[str, object]:
    names = {"topologyKey": "kubernetes.io/hostname", "maxSkew": 1}
    spread = {
        **names,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(it.labels)},
    }
    pod = {
        "serviceAccountName": "tlog-gate",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65_532,
            "fsGroup": 65_532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [spread],
        "containers": [_container(it)],
        "volumes": [
            {"name": "config", "configMap": {"name": "tlog-gate"}},
            {"name": "tls", "secret": {"secretName": "tlog-gate-tls"}},
            {"name": "spool", "emptyDir": {}},
        ],
    }
    spec = {
        "replicas": it.replicas,
        "selector": {"matchLabels": dict(it.labels)},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {"metadata": {"labels": dict(it.labels)}, "spec": pod},
    }
    return {**_namespaced(it, "apps/v1", "Deployment"), "spec": spec}


def _container(it: Installation) -> dict[str, object]:
    def probe(path: str) -> dict[str, object]:
        return {"httpGet": {"path": path, "port": _PORT, "scheme": "HTTPS"}}

    return {
        "name": "gate",
        "image": it.image,
        "args": [
            "gate",
            f"--listen=0.0.0.0:{_PORT}",
            f"--certificate={_TLS}/tls.crt",
            f"--certificate-key={_TLS}/tls.key",
            f"--spool={_SPOOL}",
            *it.arguments,
        ],
        "workingDir": _CONFIG,
        "ports": [{"name": "https", "containerPort": _PORT}],
        "readinessProbe": probe("/readyz"),
        "livenessProbe": probe("/healthz"),
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG, "readOnly": True},
            {"name": "tls", "mountPath": _TLS, "readOnly": True},
            {"name": "spool", "mountPath": _SPOOL},
        ],
    }


def _webhooks(it: Installation) -> dict[str, object]:
    hooks = [_webhook(it, mode) for mode in MODES]
    configuration = _object(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "tlog-gate"
    )
    return {**configuration, "webhooks": [*hooks, _glass_webhook(it)]}


def _webhook(it: Installation, mode: str) -> dict[str, object]:
    rules = [_pods_rule()]
    for group, resources in _TEMPLATES.items():
        rules.append(_rule(group, resources, ("CREATE", "UPDATE")))
    return {
        "name": f"{mode}.gate.tlog.dev",
        **_asking(it, f"/admit/{mode}", [mode]),
        "rules": rules,
        "sideEffects": "None",
        "matchConditions": [
            {"name": "not-break-glass", "expression": f"!({_GLASS})"},
        ],
    }


def _glass_webhook(it: Installation) -> dict[str, object]:
    return {
        "name": "break-glass.gate.tlog.dev",
        **_asking(it, "/break-glass", MODES),
        "rules": [_pods_rule()],
        # An entry in the log, which a dry run does not make.
        "sideEffects": "NoneOnDryRun",
        "matchConditions": [{"name": "break-glass", "expression": _GLASS}],
    }


def _asking(it: Installation, path: str, labels: Sequence[str]) -> dict[str, object]:
    place = {"name": "tlog-gate", "namespace": it.namespace, "path": path}
    return {
        "admissionReviewVersions": ["v1"],
        "clientConfig": {
            "service": {**place, "port": 443},
            "caBundle": base64.b64encode(it.authorities).decode(),
        },
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "timeoutSeconds": it.timeout_s,
        "namespaceSelector": _selector(it, labels),
    }


def _selector(it: Installation, labels: Sequence[str]) -> dict[str, object]:
    outside = ["kube-system", it.namespace]
    return {
        "matchExpressions": [
            {"key": LABEL, "operator": "In", "values": list(labels)},
            {"key": _NAME, "operator": "NotIn", "values": outside},
        ]
    }


def _pods_rule() -> dict[str, object]:
    return _rule("", ("pods", "pods/ephemeralcontainers"), ("CREATE", "UPDATE"))


def _rule(
    group: str, resources: Sequence[str], operations: Sequence[str]
) -> dict[str, object]:
    return {
        "apiGroups": [group],
        "apiVersions": ["v1"],
        "resources": list(resources),
        "operations": list(operations),
        "scope": "Namespaced",
    }


def _mode_policy() -> list[dict[str, object]]:
    """Return what refuses a label of no mode, by which no webhook would be asked."""
    version, name = "admissionregistration.k8s.io/v1", "tlog-gate-modes"
    rule = {**_rule("", ("namespaces",), ("CREATE", "UPDATE")), "scope": "Cluster"}
    message = f"{LABEL} is {', '.join(MODES[:-1])} or {MODES[-1]}"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": [rule]},
        "validations": [
            {"expression": _A_MODE, "message": message, "reason": "Forbidden"}
        ],
    }
    bound = {"policyName": name, "validationActions": ["Deny"]}
    return [
        {**_object(version, "ValidatingAdmissionPolicy", name), "spec": spec},
        {**_object(version, "ValidatingAdmissionPolicyBinding", name), "spec": bound},
    ]


def _digest_policy() -> dict[str, object]:
    kinds = ("containers", "initContainers", "ephemeralContainers")
    expression = " && ".join([*map(_BY_DIGEST.format, kinds), _MOUNTED_BY_DIGEST])
    policy = _object(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        "tlog-gate-digests",
    )
    conditions = [
        {"name": "not-break-glass", "expression": f"!({_GLASS})"},
        {
            "name": "not-going",
            "expression": (
                "oldObject == null || !has(oldObject.metadata.deletionTimestamp)"
            ),
        },
    ]
    message = "every image is named by its digest: NAME@sha256:HEX"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "resourceRules": [_pods_rule()],
        },
        "matchConditions": conditions,
        "validations": [
            {"expression": expression, "message": message, "reason": "Forbidden"}
        ],
    }
    return {**policy, "spec": spec}


def _digest_bindings(it: Installation) -> list[dict[str, object]]:
    return [
        {
            **_object(
                "admissionregistration.k8s.io/v1",
                "ValidatingAdmissionPolicyBinding",
                f"tlog-gate-digests-{mode}",
            ),
            "spec": {
                "policyName": "tlog-gate-digests",
                "validationActions": [action],
                "matchResources": {"namespaceSelector": _selector(it, [mode])},
            },
        }
        for mode, action in _ACTIONS.items()
    ]
