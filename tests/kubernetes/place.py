"""A cluster with the printed manifest, and the gate that it asks."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]  # it tells where a document is applied

from tests.kubernetes.cluster import Cluster, Said, running
from tests.kubernetes.papers import Authority
from tests.system.server import serving
from tests.system.test_attest import tlog
from tests.system.test_gate import RULES, GateProcess, gating, log_of, rules_of
from tests.tlog.gate.workshop import spec

HOST: Final = "tlog-gate.tlog-gate.svc"
GOOD: Final = f"images.example/app@sha256:{hashlib.sha256(b'built').hexdigest()}"
BAD: Final = f"images.example/app@sha256:{'ab' * 32}"
TAGGED: Final = "images.example/app:1"
BY_DIGEST: Final = "every image is named by its digest"
MERGE: Final = "application/strategic-merge-patch+json"
GLASS: Final = "tlog.dev/break-glass"
IMAGE: Final = f"images.example/tlog@sha256:{'cd' * 32}"
NAMESPACES: Final = {"shop": "enforce", "lab": "warn", "seen": "audit", "free": ""}
PLACES: Final = {
    "Namespace": "/api/v1/namespaces",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ServiceAccount": "/api/v1/namespaces/tlog-gate/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/tlog-gate/configmaps",
    "Service": "/api/v1/namespaces/tlog-gate/services",
    "Deployment": "/apis/apps/v1/namespaces/tlog-gate/deployments",
    "PodDisruptionBudget": (
        "/apis/policy/v1/namespaces/tlog-gate/poddisruptionbudgets"
    ),
    **{
        kind: f"/apis/admissionregistration.k8s.io/v1/{kind.lower()}s"
        for kind in (
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        )
    },
    "ValidatingAdmissionPolicy": (
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    ),
}


@dataclass(frozen=True)
class Place:
    """A cluster with the printed manifest, the gate that it asks, and its files."""

    cluster: Cluster
    gate: GateProcess
    folder: Path
    authority: Authority

    def apply(self, *arguments: str) -> list[Said]:
        """Print the manifest, and apply each of its objects as it is printed."""
        given = ("--image", IMAGE, "--authority", "gate-ca.pem", *arguments)
        given += ("--file", "RULES.toml", "--file", "release.key.pub")
        done = tlog(self.folder, "gate", "manifest", *given)
        assert 0 == done.returncode, done.stderr
        return [self._apply(it) for it in done.stdout.split("---\n")[1:]]

    def _apply(self, text: str) -> Said:
        made = yaml.safe_load(text)
        at = f"{PLACES[made['kind']]}/{made['metadata']['name']}"
        form = "application/apply-patch+yaml"
        at = f"{at}?fieldManager=test&force=true"
        return self.cluster.ask("PATCH", at, text.encode(), form=form)

    def make(
        self,
        made: Mapping[str, Any],
        namespace: str = "shop",
        *,
        user: str = "admin",
        dry: bool = False,
    ) -> Said:
        """Make a Pod, or a template of some."""
        version, kinds = made["apiVersion"], f"{made['kind'].lower()}s"
        root = "/api/v1" if version == "v1" else f"/apis/{version}"
        at = f"{root}/namespaces/{namespace}/{kinds}{'?dryRun=All' if dry else ''}"
        return self.cluster.ask("POST", at, made, user=user)

    def change(self, name: str, change: object, namespace: str, part: str = "") -> Said:
        """Change a Pod, or a part of it."""
        at = f"/api/v1/namespaces/{namespace}/pods/{name}{part}"
        return self.cluster.ask("PATCH", at, change, form=MERGE)

    def until_asked(self) -> None:
        """Wait until the API server asks by what was applied, and by whom it may."""
        table = {BAD: "refused (no-entry)", TAGGED: BY_DIGEST}
        for image, why in table.items():
            while why not in _message(self.make(pod("p", image), dry=True)):
                pass
        glass = pod("p", BAD, why="INC-1")
        while self.make(glass, user="carol", dry=True).status != 201:
            pass


def _message(said: Said) -> str:
    return said.message if said.status == 403 else ""


def pod(name: str, *images: str, why: str = "", **kinds: tuple[str, ...]) -> Any:
    """Return a Pod; why: of break-glass."""
    metadata: dict[str, Any] = {"name": name}
    if why:
        metadata["annotations"] = {GLASS: why}
    inside = spec(*images, **kinds)
    for number, it in enumerate(inside.get("initContainers", ())):
        it["name"] = f"i{number}"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": inside}


@contextmanager
def set_up(folder: Path) -> Iterator[Place]:
    """Set everything up as `docs/gate.md` says; the gate runs beside the cluster."""
    (folder / "RULES.toml").write_text(RULES)
    (folder / "built").write_bytes(b"built")
    authority = Authority("authority of gates")
    authority.write(folder, "gate", HOST)
    (folder / "gate-ca.pem").write_bytes(authority.pem)
    assert 0 == tlog(folder, *_keygen()).returncode
    with ExitStack() as stack:
        log = stack.enter_context(serving(folder / "log", "--documents"))
        (folder / "url").write_text(log.url)
        signed = ("--key", "release.key", *log_of(folder), "--documents")
        done = tlog(folder, "attest", "built", *signed)
        assert 0 == done.returncode, done.stderr
        while tlog(folder, "search", "built", *log_of(folder)).returncode:
            pass
        cluster = stack.enter_context(running(folder))
        gate = stack.enter_context(gating(folder / "gate", *_arguments(folder)))
        cluster.way.port = int(gate.url.rpartition(":")[2])
        made = Place(cluster, gate, folder, authority)
        for said in made.apply():
            assert said.status in {200, 201}, said.body
        _let_people_work(cluster)
        for name, mode in NAMESPACES.items():
            assert (
                201
                == cluster.ask("POST", "/api/v1/namespaces", named(name, mode)).status
            )
        made.until_asked()
        yield made


def _keygen() -> tuple[str, ...]:
    return ("keygen", "release", "--type", "p256", "--out", "release.key")


def _arguments(folder: Path) -> list[str]:
    return [
        *rules_of(folder),
        *log_of(folder),
        *("--certificate", str(folder / "gate.crt")),
        *("--certificate-key", str(folder / "gate.key")),
        *("--client-authorities", str(folder / "clients-ca.pem")),
        *("--spool", str(folder / "spool"), "--refused-s", "0"),
    ]


def named(name: str, mode: str) -> Mapping[str, object]:
    """Return a namespace with its label, or without one for mode ""."""
    labels = {"tlog.dev/verify": mode} if mode else {}
    return {"metadata": {"name": name, "labels": labels}}


def _let_people_work(cluster: Cluster) -> None:
    """Bind people to what they do, and one of them to break-glass too."""
    root = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    everybody = {"kind": "Group", "name": "people"}
    carol = {"kind": "User", "name": "carol"}
    # The role `edit` is a sum of such as this, which a controller would make.
    edit = "system:aggregate-to-edit"
    for role, who in ((edit, everybody), ("tlog-break-glass", carol)):
        group = "rbac.authorization.k8s.io"
        binding = {
            "metadata": {"name": f"test-{role}"},
            "roleRef": {"kind": "ClusterRole", "name": role, "apiGroup": group},
            "subjects": [{**who, "apiGroup": group}],
        }
        assert 201 == cluster.ask("POST", root, binding).status
