"""Package URLs: what they name, in the one form in which they are compared.

    pkg:pypi/Foo_Bar@1.0?extension=whl   ->   pkg:pypi/foo-bar, version 1.0

Pure.  Qualifiers and the subpath are passed over: they tell builds and files of one
version apart.  Type, namespace and name are compared without case, as `rules.toml`
compares them, and names of PyPI as PEP 503 does.

Source: package-url, PURL-SPECIFICATION, "Rules for each purl component".
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from tlogverify.errors import FormatError
from tlogverify.lines import parse_text

MAX_PURL_CHARS: Final = 2_048

_SCHEME: Final = re.compile(r"(?i)pkg:/*")
_TYPE: Final = re.compile(r"[a-z][a-z0-9.+-]*")
_PYPI_SEPARATORS: Final = re.compile(r"[-_.]+")


class Purl(NamedTuple):
    """A package, and perhaps its version.

    package: "pkg:", type, namespace and name in normal form.  version: "" for any.
    """

    package: str
    version: str

    def encode(self) -> str:
        """Return the normal form."""
        if not self.version:
            return self.package
        return f"{self.package}@{quote(self.version, safe=':')}"

    def names(self, found: "Purl") -> bool:
        """Whether this, as a question, means the package that was found."""
        return self.package == found.package and self.version in ("", found.version)


def parse_purl(text: str) -> Purl:
    """Parse a package URL in any spelling; raises FormatError."""
    parse_text("a package URL", text.encode("utf-8", "surrogatepass"))
    scheme = _SCHEME.match(text)
    if scheme is None or len(text) > MAX_PURL_CHARS:
        raise FormatError(
            f"a package URL starts with pkg: and has at most {MAX_PURL_CHARS} "
            "characters",
            text,
        )
    body = re.split(r"[?#]", text[scheme.end() :], maxsplit=1)[0]
    kind, _, rest = body.partition("/")
    rest, version = _split_version(rest.strip("/"))
    segments = [unquote(it) for it in rest.split("/") if it]
    if _TYPE.fullmatch(kind.lower()) is None or not segments:
        raise FormatError("a package URL has a type and a name", text)
    return Purl(f"pkg:{kind.lower()}/{_plain(kind.lower(), segments)}", version)


def parse_question(text: str) -> Purl:
    """Parse a package URL that is asked for: of a package, with a version or without.

    Raises FormatError also for qualifiers and a subpath, which nothing is compared
    with.
    """
    if "?" in text or "#" in text:
        raise FormatError("a package is asked for without qualifiers (?, #)", text)
    return parse_purl(text)


def plain_pypi_name(name: str) -> str:
    """Return a name of PyPI, in lower case, in its normal form (PEP 503)."""
    return _PYPI_SEPARATORS.sub("-", name)


def _split_version(rest: str) -> tuple[str, str]:
    at = rest.rfind("@")
    # An @ that begins a segment is a scope of npm, which some do not encode.
    if at <= 0 or rest[at - 1] == "/":
        return rest, ""
    return rest[:at], unquote(rest[at + 1 :])


def _plain(kind: str, segments: list[str]) -> str:
    lower = [it.lower() for it in segments]
    if kind == "pypi":
        lower[-1] = plain_pypi_name(lower[-1])
    return "/".join(quote(it, safe=":") for it in lower)
