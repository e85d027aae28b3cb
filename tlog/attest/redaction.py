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
# At the end of a word, before digits: DEPLOYKEY, DB_PASS2, accessKey.
_SECRET_ENDS: Final = re.compile(
    r"(?:KEYS?|AUTH|PASS|PAT|PWD|JWT|DSN|(?<![A-Z])SIG)[0-9]*(?![A-Z0-9])"
)
# The working directory, whose value stands in many a harmless string; and the names of
# settings, which git needs.
_NO_SECRETS: Final = re.compile(r"PWD|OLDPWD|GIT_CONFIG_KEY_[0-9]+")
# Read by the command itself, and no part of a build.
_OWN: Final = {"TLOG_KEY_PASSWORD", "TLOG_TOKEN"}
_MAX_DECODINGS: Final = 8

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
    # A slash may stand in a password, but not behind what is the number of a port.
    "password in a URL": r"[A-Za-z][\w+.-]{0,30}://[^/\s@]{0,400}:(?![0-9]{1,5}/)"
    r"[^\s@]{0,400}@"
    r"|https?://[^/\s@]{1,400}@",
    "Atlassian token": r"ATATT[\w=-]{16,}",
    "DigitalOcean token": r"do[opr]_v1_[0-9a-f]{32,}",
    "Grafana token": r"gl(?:sa|c)_[A-Za-z0-9_=]{20,}",
    "Databricks token": r"dapi[0-9a-f]{32}",
    "Shopify token": r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{16,}",
    "Square token": r"sq0(?:atp|csp|idp)-[\w-]{16,}",
    "RubyGems key": r"rubygems_[0-9a-f]{32,}",
    "Linear key": r"lin_(?:api|oauth)_[A-Za-z0-9]{16,}",
    "secret in a parameter": r"(?i:(?:token|secret|passw(?:or)?d|api_?key|access_?key"
    r"|accountkey|signature|sig)=[^\s&;]{6,})",
}
_URL_USER: Final = re.compile(
    r"[A-Za-z][\w+.-]{0,30}://([^/\s@]{0,400}:(?![0-9]{1,5}/)[^\s@]{0,400})@"
)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH: Final = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:/-]|%[0-9A-Fa-f]{2})*)?")
_REASONS: Final = tuple(_FORMS)
_FORM: Final = re.compile("|".join(f"({form})" for form in _FORMS.values()))


@dataclass(frozen=True, slots=True)
class Omission:
    """What was left out: a variable's name or a member's path; and why."""

    what: str
    why: str


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's name looks as if it held a secret."""
    # accessKey is two words, as access_key.
    upper = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
    if _NO_SECRETS.fullmatch(upper) is not None:
        return False
    return any(it.search(upper) is not None for it in (_SECRET_PARTS, _SECRET_ENDS))


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is one: by its name, or by a password in a URL."""
    return is_secret_name(name) or _URL_USER.search(value) is not None


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of secret variables, their long lines and passwords of URLs.

    Also as they are without percent signs.  Values of less than 6 characters are no
    secrets that could be told from words.
    """
    values = [value for name, value in environment.items() if is_secret(name, value)]
    lines = [line for value in values for line in value.splitlines()]
    users = [found[1] for value in values for found in _URL_USER.finditer(value)]
    passwords = [user.partition(":")[2] for user in users]
    texts = {text.strip() for text in (*values, *lines, *users, *passwords)}
    found = {spelled for text in texts for spelled in _spellings(text)}
    return tuple(sorted(it for it in found if len(it) >= _MIN_SECRET_CHARS))


def read_variables(
    environment: Mapping[str, str], allowed: Collection[str]
) -> tuple[dict[str, str], tuple[Omission, ...]]:
    """Return the allowed variables that are set, and what was not read for its name."""
    kept = {name: value for name, value in environment.items() if name in allowed}
    left_out = (name for name in environment if name not in kept)
    return kept, tuple(
        Omission(
            name,
            "its name looks secret"
            if is_secret_name(name)
            else "a password stands in its URL",
        )
        for name in sorted(left_out)
        if name not in _OWN and is_secret(name, environment[name])
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
    spellings = _spellings(text)
    if unquote(spellings[-1]) != spellings[-1]:
        return "it is percent-encoded too often"
    for spelled in spellings:
        if any(secret in spelled for secret in secrets):
            return "it holds the value of a secret variable"
        form = _FORM.search(spelled)
        if form is not None:
            return f"it looks like a secret: {_REASONS[(form.lastindex or 1) - 1]}"
    return None


def _spellings(text: str) -> list[str]:
    """Return a text and what it is with ever more of its percent signs undone."""
    spellings = [text]
    for _ in range(_MAX_DECODINGS):
        decoded = unquote(spellings[-1])
        if decoded == spellings[-1]:
            break
        spellings.append(decoded)
    return spellings


def redact(
    members: Mapping[str, object], secrets: Collection[str]
) -> tuple[dict[str, object], tuple[Omission, ...]]:
    """Return captured members without those that must not be told, and which."""
    omissions: list[Omission] = []
    return _redact_members(members, secrets, "", omissions), tuple(omissions)


def find_secrets(value: object, secrets: Collection[str]) -> Iterator[Omission]:
    """Return the paths in a document at which a secret stands; nothing is changed."""
    for path, text in _texts(value, "", _MAX_DEPTH):
        if text is None:
            yield Omission(path, f"it is nested deeper than {_MAX_DEPTH} levels")
        elif why := why_secret(text, secrets):
            yield Omission(path, why)


def clean_url(url: str) -> str | None:
    """Return a repository's URL without user, password, query and fragment.

    git@host:path becomes ssh://host/path; names of hosts are written in lower case.
    None for what is no URL of a network: a path says much about a machine and nothing
    to others.  And where it is not plain what is host and what is password.
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
        "@" in _spellings(it)[-1] for it in (parts.query, parts.fragment)
    ):
        return None
    return _plain_url(parts.scheme, parts.netloc.rpartition("@")[2], parts.path)


def _plain_url(scheme: str, host: str, path: str) -> str | None:
    decoded = _spellings(path)[-1]
    if _HOST.fullmatch(host) is None or _PATH.fullmatch(path) is None or "@" in decoded:
        return None
    return f"{scheme}://{host.lower()}{path}"


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


def _texts(value: object, path: str, depth: int) -> Iterator[tuple[str, str | None]]:
    """Return each string with its place; None where it is nested too deep to look."""
    if isinstance(value, str):
        yield path, value
    elif not depth and isinstance(value, dict | list):
        yield path, None
    elif isinstance(value, dict):
        for at, (name, item) in enumerate(value.items()):
            # A name may be the secret itself: its place is told instead.
            yield f"{path}{{name {at}}}", name
            shown = name if re.fullmatch(r"[\w.:-]{1,40}", name) else f"{{member {at}}}"
            yield from _texts(item, f"{path}.{shown}".lstrip("."), depth - 1)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{path}[{at}]", depth - 1)
