"""What must not leave this machine: strings that are secrets, by form and by value.

A captured string with a secret's form is left out, and so is one that holds the value
of a secret variable, whatever its form.  A document that people wrote is not changed;
the places of its secrets are found.  A place is told with its reason, never its value.

Invariant: a string that leaves has passed `why_secret`, or a person named its path.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from tlog.attest.forms import form_of
from tlog.attest.urls import spellings
from tlogverify.errors import FormatError

MAX_TEXT_CHARS: Final = 2048
# Deeper than any SBOM known: 128 components within each other.
MAX_DEPTH: Final = 256

# A name that can be shown, and the same with dots, which would pass for a path.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_:-]{1,40}")
_DOTTED_NAME: Final = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


@dataclass(frozen=True, slots=True)
class Omission:
    """What was left out: a variable's name or a member's path; and why.

    is_allowed: it was not left out, because a person named its path.
    """

    what: str
    why: str
    is_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """Paths of members that may stay, whatever stands there.

    A path is spelled as an omission tells it, perhaps with $. in front: `a.b[0].c`.
    [*] is every index.  FormatError for an empty path.
    """

    paths: Sequence[str] = ()
    _patterns: tuple[re.Pattern[str], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        patterns = []
        for path in self.paths:
            plain = re.sub(r"^\$\.?", "", path)
            if not plain:
                raise FormatError("a path names a member, as a.b[0].c", path)
            every = re.escape(plain).replace(r"\[\*\]", r"\[[0-9]+\]")
            patterns.append(re.compile(every))
        object.__setattr__(self, "_patterns", tuple(patterns))

    def names(self, path: str) -> bool:
        """Tell whether a path is one of these."""
        return any(it.fullmatch(path) is not None for it in self._patterns)

    def unused(self, omissions: Collection[Omission]) -> tuple[str, ...]:
        """Return the paths that let nothing through: perhaps they are misspelled."""
        stayed = [it.what for it in omissions if it.is_allowed]
        return tuple(
            path
            for path, pattern in zip(self.paths, self._patterns, strict=True)
            if not any(pattern.fullmatch(it) for it in stayed)
        )


NOTHING: Final = Allowance()


def why_left_out(text: str, secrets: Collection[str]) -> str | None:
    """Return why a string must not be told; None if it may be.

    secrets: from `tlog.attest.variables.secret_values`.  They are also looked for where
    the string is percent-encoded.
    """
    if len(text) > MAX_TEXT_CHARS:
        return f"it is longer than {MAX_TEXT_CHARS} characters"
    return why_secret(text, secrets)


def why_secret(text: str, secrets: Collection[str]) -> str | None:
    """Return which secret a string of any length holds; None if none is known."""
    if not _is_text(text):
        return "it is no text"
    spelled = spellings(text)
    if unquote(spelled[-1]) != spelled[-1]:
        return "it is percent-encoded too often"
    for it in spelled:
        if any(secret in it for secret in secrets):
            return "it holds the value of a secret variable"
        if form := form_of(it):
            return f"it looks like a secret: {form}"
    return None


def redact(
    members: Mapping[str, object],
    secrets: Collection[str],
    allowed: Allowance = NOTHING,
) -> tuple[dict[str, object], tuple[Omission, ...]]:
    """Return captured members without those that must not be told, and which."""
    redaction = _Redaction(secrets, allowed)
    return redaction.members(members, ""), tuple(redaction.omissions)


def find_secrets(
    value: object, secrets: Collection[str], allowed: Allowance = NOTHING
) -> Iterator[Omission]:
    """Return the paths in a document at which a secret stands; nothing is changed.

    Those that are allowed say so.  What is no text, and what is nested deeper than
    `MAX_DEPTH` levels, is found too and never allowed: no verifier would read it.
    """
    for path, text in _texts(value, secrets):
        if text is None:
            yield Omission(path, f"it is nested deeper than {MAX_DEPTH} levels")
        elif why := why_secret(text, secrets):
            yield Omission(path, why, _is_text(text) and allowed.names(path))


@dataclass(frozen=True, slots=True)
class _Redaction:
    """One walk through captured members, which are few levels deep."""

    secrets: Collection[str]
    allowed: Allowance
    omissions: list[Omission] = field(default_factory=list)

    def members(self, found: Mapping[str, object], path: str) -> dict[str, object]:
        kept = {
            name: self._item(item, f"{path}.{name}".lstrip("."))
            for name, item in found.items()
        }
        return {name: item for name, item in kept.items() if item is not None}

    def _item(self, value: object, path: str) -> object:
        if isinstance(value, str):
            why = why_left_out(value, self.secrets)
            if why is None:
                return value
            is_allowed = _is_text(value) and self.allowed.names(path)
            self.omissions.append(Omission(path, why, is_allowed))
            return value if is_allowed else None
        if isinstance(value, Mapping):
            return self.members(value, path)
        if isinstance(value, list):
            items = [self._item(it, f"{path}[{at}]") for at, it in enumerate(value)]
            return [item for item in items if item is not None]
        return value


def _is_text(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _texts(value: object, secrets: Collection[str]) -> Iterator[tuple[str, str | None]]:
    """Return each string with its place, in order; None where it is nested too deep.

    It does not call itself: what is read here may be as deep as a parser takes.
    """
    waiting = [("", value, 0)]
    while waiting:
        path, found, depth = waiting.pop()
        if isinstance(found, str):
            yield path, found
        elif depth == MAX_DEPTH and isinstance(found, dict | list):
            yield path, None
        elif isinstance(found, dict):
            below: list[tuple[str, object, int]] = []
            for at, (name, item) in enumerate(found.items()):
                # A name may be the secret itself: its place is told instead.
                below.append((f"{path}{{name {at}}}", name, depth + 1))
                below.append((_below(path, name, at, secrets), item, depth + 1))
            waiting.extend(reversed(below))
        elif isinstance(found, list):
            items = [(f"{path}[{at}]", it, depth + 1) for at, it in enumerate(found)]
            waiting.extend(reversed(items))


def _below(path: str, name: str, at: int, secrets: Collection[str]) -> str:
    """Return the path of a member, in which no two members are spelled alike."""
    if _DOTTED_NAME.fullmatch(name) is None or why_secret(name, secrets):
        return f"{path}{{member {at}}}" if not path else f"{path}.{{member {at}}}"
    if _PLAIN_NAME.fullmatch(name) is None:
        return f'{path}["{name}"]'
    return f"{path}.{name}".lstrip(".")
