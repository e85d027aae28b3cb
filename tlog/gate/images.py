"""Image references as Kubernetes spells them: `[HOST/]NAME[:TAG][@sha256:HEX]`.

A Pod may leave out the registry and, at Docker's own, the first part of the name.  Only
a SHA-256 names an image for good; a tag beside a digest says nothing.  PURE.

Source: distribution/reference, "Grammar" and "normalize".
"""

import re
from dataclasses import dataclass
from typing import Final

from tlogverify.errors import FormatError

MAX_IMAGE_CHARS: Final = 512

_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
    r"|\[[0-9a-fA-F:]{2,45}\])(?::[0-9]{1,5})?"
)
_IMAGE: Final = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z0-9+._-]{1,32}:[0-9a-fA-F]{32,128}))?"
)
_SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")
_DOCKER: Final = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image as a container names it.

    text: as it was spelled.  sha256: None where no SHA-256 is named.
    """

    text: str
    name: str
    tag: str
    sha256: bytes | None

    @property
    def reference(self) -> str:
        """The same for `tlog.registry.parse_reference`, with the registry named."""
        host, slash, rest = self.name.partition("/")
        if not slash or not ("." in host or ":" in host or host == "localhost"):
            host, rest = "docker.io", self.name
        if host in {"docker.io", "index.docker.io"}:
            host, rest = _DOCKER, rest if "/" in rest else f"library/{rest}"
        digest = "" if self.sha256 is None else f"@sha256:{self.sha256.hex()}"
        tag = "" if digest else f":{self.tag or 'latest'}"
        return f"oci://{host.lower()}/{rest}{tag}{digest}"


def parse_image(text: str) -> ImageName:
    """Parse a reference; raises FormatError."""
    found = _IMAGE.fullmatch(text) if len(text) <= MAX_IMAGE_CHARS else None
    if found is None:
        raise FormatError("an image is [HOST/]NAME[:TAG][@sha256:HEX]", text)
    digest = found["digest"]
    if digest is not None and _SHA256.fullmatch(digest) is None:
        raise FormatError(
            "an image's digest is sha256: and 64 lower-case hex digits", digest
        )
    sha256 = None if digest is None else bytes.fromhex(digest.removeprefix("sha256:"))
    return ImageName(text, found["name"], found["tag"] or "", sha256)
