"""An AdmissionReview taken apart: who asks what, and which images it names.

    {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview",
     "request":{"uid":"...","kind":{"group","version","kind"},"operation":"CREATE",
                "namespace":"...","userInfo":{"username":"..."},"object":{...}}}

The API server adds members in later versions, so those of unknown names are passed
over; a member that stands twice is refused, as two readers could see two values.  PURE.

Source: Kubernetes, `k8s.io/api/admission/v1`, `core/v1`, `apps/v1`, `batch/v1`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from tlogclient.strictjson import read_array, read_object, read_text
from tlogverify.errors import FormatError
from tlogverify.lines import parse_text, unique_members

MAX_REVIEW_BYTES: Final = 8 << 20
"""An object of 3 MiB twice, as it was and as it shall be, with room."""

MAX_VALUES: Final = 1 << 19
"""Brackets and commas of a review; a value of JSON costs many times its bytes."""

MAX_CONTAINERS: Final = 512
MAX_VOLUMES: Final = 1_024
API_VERSION: Final = "admission.k8s.io/v1"
REASON_ANNOTATION: Final = "tlog.dev/break-glass"

_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")
_OPERATIONS: Final = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT"})
_UID: Final = re.compile(r"[A-Za-z0-9-]{1,128}")
_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("", "ReplicationController"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True)
class Review:
    """One request.

    kind: without its group.  is_pod: its Pods run if this is allowed; of a template
    only warnings are made.  is_known: its images can be told.  user: from the review's
    userInfo, never from the object.  made: the object, empty for DELETE.  old: as it
    was before.  path: to what a Pod has too, () for a Pod; None for what is neither.
    """

    uid: str
    kind: str
    operation: str
    namespace: str
    name: str
    user: str
    is_dry_run: bool
    made: Mapping[str, object]
    old: Mapping[str, object]
    path: tuple[str, ...] | None

    @property
    def is_pod(self) -> bool:
        """Whether it is a Pod itself."""
        return self.path == ()

    @property
    def is_known(self) -> bool:
        """Whether it is a Pod or has a template of some."""
        return self.path is not None

    @property
    def is_judged(self) -> bool:
        """Whether it makes or changes an object that was not on its way out."""
        if self.operation == "UPDATE":
            # A Pod that goes must lose its finalizers, whatever the rules say by now.
            # That it goes is the API server's word, and stands in what was before.
            metadata = self.old.get("metadata")
            is_going = isinstance(metadata, dict) and metadata.get("deletionTimestamp")
            return not is_going
        return self.operation == "CREATE"

    def images(self) -> tuple[str, ...]:
        """Return the images that are new here, each once, in their order.

        Raises FormatError for an object that is no Pod and has no template of one, and
        for a Pod that names no image.
        """
        known: set[str] = set()
        if self.operation == "UPDATE" and self.old:
            known = set(_images(self.old, self.path or ()))
        found = dict.fromkeys(_images(self.made, self.path or ()))
        if self.is_pod and not found:
            raise FormatError("a Pod has a container", self.kind)
        return tuple(it for it in found if it not in known)

    def why_break_glass(self) -> str:
        """Return the reason that the object's annotation gives; "" for none."""
        metadata = self.made.get("metadata")
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else {}
        why = (annotations or {}).get(REASON_ANNOTATION, "")
        return why.strip() if isinstance(why, str) else ""


def parse_review(body: bytes) -> Review:
    """Parse a request; FormatError if it is none that can be answered."""
    if sum(map(body.count, (b"{", b"[", b","))) > MAX_VALUES:
        raise FormatError(f"a review has at most {MAX_VALUES} brackets and commas")
    try:
        value = _DECODER.decode(parse_text("a review", body))
    except (ValueError, RecursionError):
        raise FormatError("a review is JSON", body) from None
    members = read_object("a review", value)
    version, kind = members.get("apiVersion"), members.get("kind")
    if (version, kind) != (API_VERSION, "AdmissionReview"):
        raise FormatError(f"an AdmissionReview of {API_VERSION}", version)
    return _parse_request(read_object("request", members.get("request")))


def _parse_request(request: Mapping[str, object]) -> Review:
    uid = read_text("uid", request.get("uid"))
    if _UID.fullmatch(uid) is None:
        raise FormatError("uid is 1 to 128 of A-Z a-z 0-9 and -", uid)
    kind = read_object("kind", request.get("kind"))
    group, name = (
        read_text("group", kind.get("group")),
        read_text("kind", kind.get("kind")),
    )
    user = read_object("userInfo", request.get("userInfo"))
    operation = read_text("operation", request.get("operation"))
    if operation not in _OPERATIONS:
        raise FormatError("an operation is one that Kubernetes has", operation)
    dry_run = request.get("dryRun", False)
    if not isinstance(dry_run, bool):
        raise FormatError("dryRun is true or false", dry_run)
    return Review(
        uid,
        name,
        operation,
        _text(request, "namespace"),
        _text(request, "name"),
        _text(user, "username"),
        dry_run,
        _object(request, "object"),
        _object(request, "oldObject"),
        () if (group, name) == ("", "Pod") else _TEMPLATES.get((group, name)),
    )


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    return "" if value is None else read_text(name, value)


def _array(members: Mapping[str, object], name: str) -> list[object]:
    value = members.get(name)
    return [] if value is None else read_array(name, value)


def _object(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = members.get(name)
    return {} if value is None else read_object(name, value)


def _images(object_: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    at = object_
    for name in (*path, "spec"):
        at = read_object(name, at.get(name))
    kinds = {kind: _array(at, kind) for kind in _CONTAINERS}
    volumes = _array(at, "volumes")
    if sum(map(len, kinds.values())) > MAX_CONTAINERS:
        raise FormatError(f"a Pod has at most {MAX_CONTAINERS} containers")
    if len(volumes) > MAX_VOLUMES:
        raise FormatError(f"a Pod has at most {MAX_VOLUMES} volumes")
    for kind, containers in kinds.items():
        for value in containers:
            image = _text(read_object("a container", value), "image")
            # It may be left out of a template, and is filled in later.
            if not image and not path:
                raise FormatError(f"each of a Pod's {kind} names its image")
            if image:
                yield image
    for value in volumes:
        # What is mounted from an image may be run as well.
        mounted = _object(read_object("a volume", value), "image")
        if image := _text(mounted, "reference"):
            yield image


def _refuse_number(text: str) -> NoReturn:
    raise FormatError("a number is finite", text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_members, parse_constant=_refuse_number
)
