"""URLs: which credentials stand in them, how each is spelled, and what is left to tell.

A user name is no secret; a password is one, and so is a token in the place of a user.
Where host and password cannot be told apart, the text counts as one with a password.

Source: RFC 3986, 3.2.1, "User Information"; the package URL specification, `vcs_url`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_DECODINGS: Final = 8

# A user and a password of at most 400 characters each.
_WINDOW_CHARS: Final = 802
_SCHEME_END: Final = re.compile(r"(?<=[\w+.-])://")
# Quotes and brackets end a URL in prose, and in JSON that stands within a string.
_NO_USER: Final = re.compile(r"[\"<>()\[\]]")
_PORT: Final = re.compile(r"[0-9]{1,5}[/&]")
# The URL that is the value of a next parameter is looked at by itself.
_NEXT_URL: Final = re.compile(r"[=,][a-z][a-z+]{1,11}://")
# An image is named by its tag and its digest: alpine:3.19@sha256:...
_DIGEST: Final = re.compile(
    r"(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?![0-9a-z])"
)
# host:owner/repo@revision: so package URLs name a repository that is reached by ssh.
_REPOSITORY: Final = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,}:[\w.~-]+/[\w./~-]+")
_REVISION: Final = re.compile(
    r"(?:[0-9a-f]{7,64}|v?[0-9]+\.[0-9]+(?:\.[0-9]+)?|refs/[\w./-]+)(?![\w.:/-])"
)
# As long and as mixed as no name is.
_OPAQUE: Final = re.compile(
    r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}"
    r"|(?=(?:[a-z]*[A-Z]+[a-z]+){3}|(?:[a-z]*[A-Z]{2,}){2})[A-Za-z]{20,}"
    r"|[A-Za-z0-9]{32,}"
)
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Users that stand for a token by convention.
_TOKEN_USER: Final = re.compile(r"(?i)x-(?:oauth|access-token|token-auth)")

_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What stands before the @ of a URL and is secret; password: "" for a token."""

    user: str
    password: str
    has_password: bool


def find_credentials(text: str) -> Iterator[Credentials]:
    """Return the credentials in a text's URLs, as they are spelled there.

    The time is linear in the text: each URL is looked at within bounds.
    """
    for scheme in _SCHEME_END.finditer(text):
        window = text[scheme.end() : scheme.end() + _WINDOW_CHARS]
        before, at, _ = window.partition("@")
        if at and not re.search(r"\s", before) and not _NEXT_URL.search(before):
            after = text[scheme.end() + len(before) + 1 :][:_WINDOW_CHARS]
            yield from _credentials(before, after)


def spellings(text: str) -> list[str]:
    """Return a text and what it is with ever more of its percent signs undone.

    At most `MAX_DECODINGS` times.
    """
    found = [text]
    for _ in range(MAX_DECODINGS):
        decoded = unquote(found[-1])
        if decoded == found[-1]:
            break
        found.append(decoded)
    return found


def clean_url(url: str) -> str | None:
    """Return a repository's URL without user, password, query and fragment.

    git@host:path becomes ssh://host/path; names of hosts are written in lower case.
    None for a text that is no URL of a network, since a path says much about a machine
    and nothing to others; and for one whose host cannot be told from a password.
    """
    short = re.fullmatch(r"(?:[\w.+-]+@)?([A-Za-z0-9.-]{2,}):(?!//)([^\s:]+)", url)
    if short is not None:
        return _plain_url("ssh", short[1], f"/{short[2].lstrip('/')}")
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    # An @ further on means that a password has a character that ends the host here.
    if parts.scheme not in {"http", "https", "ssh", "git"} or any(
        "@" in spellings(it)[-1] for it in (parts.query, parts.fragment)
    ):
        return None
    return _plain_url(parts.scheme, parts.netloc.rpartition("@")[2], parts.path)


def _credentials(before: str, after: str) -> Iterator[Credentials]:
    """Judge the text between :// and the first @, and the bounded text after that."""
    if _DIGEST.match(after) is not None or (
        _REPOSITORY.fullmatch(before) and _REVISION.match(after)
    ):
        return
    # A colon behind a slash belongs to a path, but a slash may stand in a password.
    authority = before.partition("/")[0]
    for colon in re.finditer(":", authority):
        user, password = before[: colon.start()], before[colon.end() :]
        is_user = _NO_USER.search(user) is None and not user.endswith("mailto")
        if is_user and _PORT.match(password) is None:
            yield Credentials(user, password, has_password=True)
            return
    if authority == before and _is_token(before):
        yield Credentials(before, "", has_password=False)


def _is_token(user: str) -> bool:
    return (
        _TOKEN_USER.match(user) is not None
        or _UUID.search(user) is not None
        or any(_OPAQUE.fullmatch(it) for it in re.split(r"[^A-Za-z0-9]", user))
    )


def _plain_url(scheme: str, host: str, path: str) -> str | None:
    decoded = spellings(path)[-1]
    if _HOST.fullmatch(host) is None or _PATH.fullmatch(path) is None or "@" in decoded:
        return None
    return f"{scheme}://{host.lower()}{path}"
