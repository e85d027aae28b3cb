"""What a registry asks for with 401, and where the next page of a list is.

PURE.  Source: RFC 9110, 11.6.1; RFC 8288, 3; the Distribution project's token
authentication specification.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from tlogclient.network import is_loopback
from tlogverify.errors import FormatError

_MAX_FIELD_CHARS: Final = 8192
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar, no secret
_VALUE: Final = rf'(?:{_TOKEN}|"(?:[^"\\]|\\.)*")'
_STEP: Final = re.compile(
    rf"[\s,]*(?:(?P<name>{_TOKEN})\s*=\s*(?P<value>{_VALUE})(?=[\s,]|$)"
    rf"|(?P<scheme>{_TOKEN})(?=[\s,]|$)|$)"
)
_LINK: Final = re.compile(
    rf"[\s,]*<(?P<url>[^<>\s]*)>(?P<rest>(?:\s*;\s*{_TOKEN}(?:={_VALUE})?)*)"
)
_SPEAKABLE: Final = re.compile(r"[!-~]*")
_NEXT: Final = re.compile(r';\s*rel=(?:next|"next")(?=\s*(?:;|$))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate; scheme and names of parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(field: str) -> tuple[Challenge, ...]:
    """Parse WWW-Authenticate, all its lines joined; raises FormatError.

    Credentials of the old form, a scheme with base64 alone, are no challenge of ours.
    """
    if len(field) > _MAX_FIELD_CHARS:
        raise FormatError(f"WWW-Authenticate has at most {_MAX_FIELD_CHARS} characters")
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(field):
        match = _STEP.match(field, position)
        if match is None or (match["name"] and not found):
            raise FormatError("WWW-Authenticate names schemes and their parameters")
        if match["scheme"]:
            found.append((match["scheme"].lower(), {}))
        elif match["name"]:
            found[-1][1][match["name"].lower()] = _unquoted(match["value"])
        position = match.end()
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def next_page(url: str, field: str) -> str | None:
    """Return the URL of the page behind that at `url`, or None for the last one.

    field: the Link header, all its lines joined.

    Raises FormatError for a page elsewhere than below the same path of the same server:
    a list that leads away could be led to anybody.
    """
    for match in _LINK.finditer(field[:_MAX_FIELD_CHARS]):
        if _NEXT.search(match["rest"]):
            found = str(urljoin(url, match["url"]))
            here, there = urlsplit(url), urlsplit(found)
            if here[:3] != there[:3] or _SPEAKABLE.fullmatch(found) is None:
                raise FormatError("the next page of a list is at the same place")
            return found
    return None


def require_target(origin: str, url: str) -> str:
    """Return a URL that a registry sends its client to; FormatError for a wrong one.

    Plain HTTP is spoken to the registry itself alone, where it speaks it, and between
    addresses of this machine; and no other machine sends anybody to this one.  What
    stands behind a `?` may be a secret, and is not shown.
    """
    # A space or a control character in a request's line would be another request's.
    if _SPEAKABLE.fullmatch(url) is None:
        raise FormatError("a registry sends its clients to URLs of plain characters")
    try:
        here, there = urlsplit(origin), urlsplit(url)
        host, _ = there.hostname or "", there.port
        # What no name server can be asked for is no matter of the network.
        host.encode("idna")
    except ValueError:
        raise FormatError("a registry sends its clients to a URL") from None
    if (
        there.scheme not in ("http", "https")
        or not host
        or "@" in there.netloc
        or "#" in url
    ):
        raise FormatError("a registry sends its clients to http or https URLs")
    if here[:2] == there[:2]:
        return url
    is_here = is_loopback(host)
    if is_here and not is_loopback(here.hostname or ""):
        raise FormatError("a registry on another machine sends to this one", host)
    if there.scheme == "http" and not is_here:
        raise FormatError("a registry sends its clients on to https alone", host)
    return url


def same_origin(first: str, second: str) -> bool:
    """Tell whether two URLs are of one server: scheme, host and port."""
    return urlsplit(first)[:2] == urlsplit(second)[:2]


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])
