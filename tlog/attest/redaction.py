"""What must not leave this machine: secrets, by their form, their name and their value.

Three nets, one behind the other.  Only variables of an allow-list are read at all; a
string that has a known secret's form is left out; and so is one that holds the value of
a variable whose name looks secret, whatever its form.  What was left out is told by
name and reason, never by value.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_TEXT_CHARS: Final = 2048
_MIN_SECRET_CHARS: Final = 6
_MAX_DEPTH: Final = 64

_SECRET_PARTS: Final = re.compile(
    "TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|APIKEY|PRIVATE|COOKIE"
)
_SECRET_WORDS: Final = {"KEY", "KEYS", "AUTH", "PASS", "PAT", "PWD", "JWT", "SIG"}
# The working directory, whose value stands in many a harmless string.
_NO_SECRETS: Final = {"PWD", "OLDPWD"}

# Each form stands in one group, whose name is the reason that people read.  Most have
# no border in front: a secret may stand right behind a letter.
_FORMS: Final = {
    "AWS key": r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}",
    "GitHub token": r"gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}",
    "GitLab token": r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat)-[\w=.-]{16,}",
    "Slack token": r"xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}"
    r"|hooks\.slack\.com/services/\S+",
    "Google key": r"AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}",
    "npm token": r"npm_[A-Za-z0-9]{30,}",
    "PyPI token": r"pypi-AgE[\w-]{16,}",
    "Docker token": r"dckr_(?:pat|oat)_[\w-]{16,}",
    "Stripe key": r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "SendGrid key": r"SG\.[\w-]{16,}\.[\w-]{16,}",
    "API key": r"sk-(?:proj|ant|svcacct|admin|or)-[\w-]{16,}"
    r"|(?<![A-Za-z])sk-(?=[\w-]{0,40}[0-9])[\w-]{20,}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,}",
    "Vault token": r"hv[sbr]\.[\w-]{20,}",
    "web token": r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    "private key": r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PRIVATE\+KEY\+|AGE-SECRET-KEY-1",
    "authorization": r"(?i:(?:bearer|basic)\s+"
    r"(?=[\w.~+/=-]{0,200}[0-9])[\w.~+/=-]{12,})",
    "password in a URL": r"[A-Za-z][\w+.-]{0,30}://[^/\s@]{0,400}:[^/\s@]{0,400}@"
    r"|https?://[^/\s@]{1,400}@",
    "secret in a parameter": r"(?i:(?:token|secret|passw(?:or)?d|api_?key|access_?key"
    r"|accountkey|signature|sig)=[^\s&;]{6,})",
}
_REASONS: Final = tuple(_FORMS)
_FORM: Final = re.compile("|".join(f"({form})" for form in _FORMS.values()))


@dataclass(frozen=True, slots=True)
class Omission:
    """What was left out: a variable's name or a member's path; and why."""

    what: str
    why: str


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's name looks as if it held a secret."""
    upper = name.upper()
    if upper in _NO_SECRETS:
        return False
    words = re.split(r"[^A-Z0-9]+", upper)
    return _SECRET_PARTS.search(upper) is not None or not _SECRET_WORDS.isdisjoint(
        words
    )


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables whose names look secret, and their long lines.

    Values of less than 6 characters are no secrets that could be told from words.
    """
    values = [value for name, value in environment.items() if is_secret_name(name)]
    lines = [line for value in values for line in value.splitlines()]
    found = {text.strip() for text in (*values, *lines)}
    return tuple(sorted(it for it in found if len(it) >= _MIN_SECRET_CHARS))


def read_variables(
    environment: Mapping[str, str], allowed: Collection[str]
) -> tuple[dict[str, str], tuple[Omission, ...]]:
    """Return the allowed variables that are set, and what was not read for its name."""
    kept = {name: value for name, value in environment.items() if name in allowed}
    left_out = (name for name in environment if name not in kept)
    return kept, tuple(
        Omission(name, "its name looks secret")
        for name in sorted(left_out)
        if is_secret_name(name)
    )


def why_left_out(text: str, secrets: Collection[str]) -> str | None:
    """Return why a string must not be told; None if it may be.

    secrets: from `secret_values`.  Also looked for where the string is percent-encoded.
    """
    if len(text) > MAX_TEXT_CHARS:
        return f"it is longer than {MAX_TEXT_CHARS} characters"
    return why_secret(text, secrets)


def why_secret(text: str, secrets: Collection[str]) -> str | None:
    """Return which secret a string of any length holds; None if none is known."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "it is no text"
    for spelled in {text, unquote(text)}:
        if any(secret in spelled for secret in secrets):
            return "it holds the value of a secret variable"
        form = _FORM.search(spelled)
        if form is not None:
            return f"it looks like a secret: {_REASONS[(form.lastindex or 1) - 1]}"
    return None


def redact(
    members: Mapping[str, object], secrets: Collection[str]
) -> tuple[dict[str, object], tuple[Omission, ...]]:
    """Return captured members without those that must not be told, and which."""
    omissions: list[Omission] = []
    return _redact_members(members, secrets, "", omissions), tuple(omissions)


def find_secrets(value: object, secrets: Collection[str]) -> Iterator[Omission]:
    """Return the paths in a document at which a secret stands; nothing is changed."""
    for path, text in _texts(value, "", _MAX_DEPTH):
        why = why_secret(text, secrets)
        if why is not None:
            yield Omission(path, why)


def clean_url(url: str) -> str | None:
    """Return a repository's URL without user, password, query and fragment.

    git@host:path becomes ssh://host/path.  None for what is no URL of a network:
    a path says much about a machine and nothing to others.
    """
    short = re.fullmatch(r"(?:[\w.+-]+@)?([A-Za-z0-9.-]{2,}):(?!//)([^\s:]+)", url)
    if short is not None:
        return f"ssh://{short[1]}/{short[2].lstrip('/')}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in {"http", "https", "ssh", "git"} or not host:
        return None
    return f"{parts.scheme}://{host}{parts.path}"


def _redact_members(
    members: Mapping[str, object],
    secrets: Collection[str],
    path: str,
    omissions: list[Omission],
) -> dict[str, object]:
    redacted = {
        name: _redact(item, secrets, f"{path}.{name}".lstrip("."), omissions)
        for name, item in members.items()
    }
    return {name: item for name, item in redacted.items() if item is not None}


def _redact(
    value: object, secrets: Collection[str], path: str, omissions: list[Omission]
) -> object:
    if isinstance(value, str):
        why = why_left_out(value, secrets)
        if why is not None:
            omissions.append(Omission(path, why))
        return None if why is not None else value
    if isinstance(value, Mapping):
        return _redact_members(value, secrets, path, omissions)
    if isinstance(value, list):
        items = [
            _redact(item, secrets, f"{path}[{at}]", omissions)
            for at, item in enumerate(value)
        ]
        return [item for item in items if item is not None]
    return value


def _texts(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif depth and isinstance(value, dict):
        for at, (name, item) in enumerate(value.items()):
            # A name may be the secret itself: its place is told instead.
            yield f"{path}{{name {at}}}", name
            shown = name if re.fullmatch(r"[\w.:-]{1,40}", name) else f"{{member {at}}}"
            yield from _texts(item, f"{path}.{shown}".lstrip("."), depth - 1)
    elif depth and isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{path}[{at}]", depth - 1)
