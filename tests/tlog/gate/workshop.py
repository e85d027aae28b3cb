"""A gate in this process, the files that it reads, and reviews as an API server sends.

The reviews are written by hand after Kubernetes' public types; nothing of the code
under test makes or reads them.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.http import Answer, ask
from tests.tlog.rules.workshop import (
    BUILD,
    CLEAN,
    NOW,
    SCANNED,
    built,
    keys,
    write_keys,
)
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY_TEXT
from tlog.gate.door import serve_gate
from tlog.gate.opening import OpenGate
from tlog.gate.settings import GateSettings
from tlog.rules import CertifiedJudge

GOOD = f"images.example/team/app@sha256:{ARTIFACT_SHA256.hex()}"
BAD_SHA256 = hashlib.sha256(b"nobody attested this").digest()
BAD = f"images.example/team/bad@sha256:{BAD_SHA256.hex()}"
TAGGED = "images.example/team/app:1.2"
RULES = keys() + BUILD
USER = "alice@example.org"
PODS = {"group": "", "version": "v1", "resource": "pods"}


class HandClock:
    """Time that a test sets."""

    def __init__(self, time_s: int = NOW) -> None:
        self.time_s = time_s
        self.passed_s = 0.0

    def now_s(self) -> int:
        return self.time_s

    def monotonic_s(self) -> float:
        return self.passed_s

    def wait(self, seconds: int) -> None:
        """Let time go on."""
        self.time_s += seconds
        self.passed_s += seconds


@dataclass
class Place:
    """The files of one gate."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)

    @property
    def rules(self) -> Path:
        return self.folder / "RULES.toml"

    @property
    def policy(self) -> Path:
        return self.folder / "policy"

    @property
    def documents(self) -> Path:
        return self.folder / "documents"

    def put(self, name: str, paper: Any) -> None:
        """Lay an envelope and its proof in the folder, as one who renames does."""
        document = paper.document
        for suffix, content in (
            (".tlog-proof", document.proof),
            (".intoto.jsonl", document.envelope),
        ):
            draft = self.documents / f".{name}{suffix}.draft"
            draft.write_bytes(content)
            draft.rename(self.documents / f"{name}{suffix}")

    def settings(self, **changes: object) -> GateSettings:
        """Return the settings of a gate on these files."""
        plain = GateSettings(
            rules=(str(self.rules),),
            policy=self.policy,
            documents=self.documents,
            listen="127.0.0.1:0",
        )
        return replace(plain, **changes)  # type: ignore[arg-type]  # each by its field

    def replace_rules(self, text: str) -> None:
        """Replace the rules' file, as one who renames does."""
        draft = self.folder / ".rules.draft"
        draft.write_text(text)
        os.replace(draft, self.rules)


def place(folder: Path, rules: str = RULES) -> Place:
    """Return a place with rules, policy and the provenance of one artifact."""
    write_keys(folder)
    made = Place(folder)
    made.rules.write_text(rules)
    made.policy.write_bytes(POLICY_TEXT)
    made.documents.mkdir()
    made.put("build", built())
    made.put("scan", CLEAN)
    return made


BOTH = RULES + SCANNED


def no_judge() -> CertifiedJudge:
    """Stand for the judge of certificates, which no rules here need."""
    raise AssertionError("nobody names an identity")


@dataclass
class Served:
    """A gate that listens."""

    url: str
    gate: OpenGate

    async def post(self, target: str, body: object) -> Answer:
        """Send JSON, or bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        return await ask(self.url, target, method="POST", headers=headers, body=content)

    async def admit(self, review: object, mode: str = "enforce") -> dict[str, Any]:
        """Return the response to a review, whose uid must be the request's."""
        answer = await self.post(f"/admit/{mode}", review)
        return response_of(answer, review)

    async def decide(self, artifact: str, **more: object) -> dict[str, Any]:
        """Return what is decided of an artifact."""
        answer = await self.post("/v1/decide", {"artifact": artifact, **more})
        assert 200 == answer.status, answer.body
        found: dict[str, Any] = answer.json()
        return found

    async def sample(self, name: str, **labels: str) -> float:
        """Return one value of the metrics, 0 if it is not there."""
        text = (await ask(self.url, "/metrics")).body.decode()
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in text.splitlines():
            head, _, value = line.rpartition(" ")
            series, _, inside = head.partition("{")
            if series == name and wanted <= set(inside.rstrip("}").split(",")):
                return float(value)
        return 0.0


def response_of(answer: Answer, review: Any) -> dict[str, Any]:
    """Return what a review was answered, whole in its form."""
    assert (200, "application/json") == (answer.status, answer.media_type), answer.body
    document = answer.json()
    assert {"apiVersion", "kind", "response"} == document.keys()
    assert "admission.k8s.io/v1" == document["apiVersion"]
    assert "AdmissionReview" == document["kind"]
    response: dict[str, Any] = document["response"]
    assert review["request"]["uid"] == response["uid"]
    for warning in response.get("warnings", ()):
        assert len(warning) < 120
        assert warning.isascii()
        assert warning.isprintable()
    for value in response.get("auditAnnotations", {}).values():
        assert isinstance(value, str)
    if not response["allowed"]:
        status = response["status"]
        assert (403, "Failure") == (status["code"], status["status"])
        assert status["message"].isascii()
        assert status["message"].isprintable()
    return response


@asynccontextmanager
async def running_gate(made: Place, **changes: object) -> AsyncIterator[Served]:
    """Open, serve and drain a gate."""
    gate = OpenGate(made.settings(**changes), load_judge=no_judge, clock=made.clock)
    stop = asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_gate(gate, stop, url.set_result))
    try:
        either: set[asyncio.Future[Any]] = {url, serving}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            yield Served(url.result(), gate)
    finally:
        stop.set()
        await serving


def spec(*images: str, **kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return a Pod's spec; kinds: images of other kinds of containers."""
    found: dict[str, Any] = {"containers": _containers(images)}
    for kind, named in kinds.items():
        found[kind] = _containers(named)
    return found


def _containers(images: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"name": f"c{number}", "image": image, "resources": {}}
        for number, image in enumerate(images)
    ]


def pod(*images: str, **kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return a Pod as an API server has it."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app-1", "namespace": "shop", "creationTimestamp": None},
        "spec": {**spec(*images, **kinds), "priority": -10, "restartPolicy": "Always"},
        "status": {},
    }


def template(kind: str, *images: str) -> dict[str, Any]:
    """Return an object that makes Pods."""
    inside: dict[str, Any] = {"template": {"metadata": {}, "spec": spec(*images)}}
    if kind == "CronJob":
        inside = {"schedule": "0 * * * *", "jobTemplate": {"spec": inside}}
    group = "batch/v1" if kind in {"Job", "CronJob"} else "apps/v1"
    if kind == "ReplicationController":
        group = "v1"
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "app", "namespace": "shop"},
        "spec": inside,
    }


def review(made: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """Return an AdmissionReview; changes: members of its request."""
    group, _, version = made["apiVersion"].rpartition("/")
    kind = {"group": group, "version": version, "kind": made["kind"]}
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kind,
        "resource": PODS,
        "requestKind": kind,
        "requestResource": PODS,
        "name": made["metadata"]["name"],
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {
            "username": USER,
            "uid": "014fbff9a07c",
            "groups": ["system:authenticated"],
            "extra": {"some-key": ["some-value"]},
        },
        "object": made,
        "oldObject": None,
        "dryRun": False,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }
    request.update(changes)
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": request,
    }
