"""What runs in a cluster: images of its Pods, by their digests where those are known.

A Pod names its images as somebody has written them; its status tells the digest that a
node has pulled.  Phases are not looked at: what has ended is listed until it is gone.

Source: Kubernetes, `GET /api/v1/pods`, "Retrieving large results sets in chunks";
core/v1, PodSpec and ContainerStatus.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tlogclient.strictjson import read_array, read_object, read_text
from tlogclient.transport import Request, Transport
from tlogverify.attestation.members import parse_object
from tlogverify.errors import FormatError

PAGE_PODS: Final = 500
MAX_PAGE_BYTES: Final = 64 << 20
MAX_PAGES: Final = 2_000

_KINDS: Final = ("containers", "initContainers", "ephemeralContainers")
_STATUSES: Final = (
    "containerStatuses",
    "initContainerStatuses",
    "ephemeralContainerStatuses",
)
_PULLED: Final = re.compile(r"(?:.*@)(sha256:[0-9a-f]{64})")


async def list_running(server: Transport) -> list[str]:
    """Return the images of all Pods that an API server lists, each once.

    Raises what `Transport.fetch` raises, and FormatError for what is no list of Pods.
    """
    found: dict[str, None] = {}
    query = {"limit": str(PAGE_PODS)}
    for _ in range(MAX_PAGES):
        request = Request("/api/v1/pods", "application/json", MAX_PAGE_BYTES, query)
        page = parse_object("a list of Pods", await server.fetch(request))
        for it in read_array("items", page.get("items")):
            found |= dict.fromkeys(images_of(read_object("a Pod", it)))
        after = _object(page, "metadata").get("continue")
        if not after:
            return list(found)
        query = {**query, "continue": read_text("continue", after)}
    raise FormatError(f"a cluster's Pods have at most {MAX_PAGES} pages")


def images_of(pod: Mapping[str, object]) -> Iterator[str]:
    """Return the images of one Pod, by the digest that was pulled where one was."""
    spec, status = _object(pod, "spec"), _object(pod, "status")
    pulled = {
        name: digest
        for kind in _STATUSES
        for name, digest in _pulled(read_array(kind, status.get(kind) or []))
    }
    for kind in _KINDS:
        for value in read_array(kind, spec.get(kind) or []):
            container = read_object("a container", value)
            image = read_text("image", container.get("image") or "")
            name = read_text("name", container.get("name") or "")
            if "@" not in image and name in pulled:
                image = f"{image}@{pulled[name]}"
            if image:
                yield image


def _pulled(statuses: list[object]) -> Iterator[tuple[str, str]]:
    for value in statuses:
        status = read_object("a container's status", value)
        found = _PULLED.fullmatch(read_text("imageID", status.get("imageID") or ""))
        if found is not None:
            yield read_text("name", status.get("name") or ""), found[1]


def _object(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    return read_object(name, members.get(name) or {})
