"""Environment variables: which are read, which are secret, and what their values are.

A variable counts as secret by its name, or because a URL with a password stands in its
value.  Values that are made of public words alone (`CI_KEY=github`) are not looked for:
they stand in every URL, and nobody could tell a leak from a word.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from tlog.attest.redaction import Omission
from tlog.attest.urls import find_credentials, spellings

_MIN_SECRET_CHARS: Final = 6

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

# Words of every CI system, host, branch and platform.
_PUBLIC_WORDS: Final = frozenset(
    (
        *("actions", "bitbucket", "branch", "build", "builds", "circleci", "com"),
        *("commit", "default", "deploy", "dev", "develop", "development", "disabled"),
        *("docker", "enabled", "false", "git", "github", "gitlab", "heads", "hosted"),
        *("http", "https", "io", "jenkins", "job", "local", "localhost", "main"),
        *("master", "merge", "none", "org", "origin", "pipeline", "private", "prod"),
        *("production", "project", "public", "publish", "pull", "push", "ref"),
        *("refs", "registry", "release", "releases", "remote", "request", "runner"),
        *("schedule", "self", "ssh", "stable", "staging", "tag", "tags", "test"),
        *("testing", "tests", "true", "workflow", "workflows", "www", "yes"),
        *("alpine", "amd64", "arm64", "debian", "darwin", "fedora", "latest"),
        *("linux", "macos", "ubuntu", "windows", "x64", "x86"),
        *("cargo", "gcc", "go", "golang", "gradle", "java", "make", "maven", "node"),
        *("nodejs", "npm", "php", "pip", "pypi", "python", "ruby", "rust", "yarn"),
    )
)


def is_secret_name(name: str) -> bool:
    """Tell whether a variable's name looks as if it held a secret."""
    # accessKey is two words, as access_key.
    upper = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
    if _NO_SECRETS.fullmatch(upper) is not None:
        return False
    return any(it.search(upper) is not None for it in (_SECRET_PARTS, _SECRET_ENDS))


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is one: by its name, or by a password in a URL."""
    return is_secret_name(name) or bool(_passwords(value))


def secret_values(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of secret variables, their long lines and passwords of URLs.

    Each also as it is without percent signs.  Left out are values of less than 6
    characters and those of public words alone, which cannot be told from words.
    """
    values = [value for name, value in environment.items() if is_secret(name, value)]
    lines = [line for value in values for line in value.splitlines()]
    credentials = [text for value in values for text in _passwords(value)]
    texts = {text.strip() for text in (*values, *lines, *credentials)}
    found = {spelled for text in texts for spelled in spellings(text)}
    return tuple(sorted(it for it in found if not _is_public(it)))


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


def _passwords(value: str) -> list[str]:
    """Return USER:PASSWORD and PASSWORD of each URL in a value that has a password."""
    found = [it for it in find_credentials(value) if it.has_password]
    return [text for it in found for text in (f"{it.user}:{it.password}", it.password)]


def _is_public(text: str) -> bool:
    """Tell whether a text is too short for a secret, or made of public words alone."""
    if len(text) < _MIN_SECRET_CHARS:
        return True
    words = [word for word in re.split(r"[-._:/@]+", text.lower()) if word]
    return not all(it.isdigit() for it in words) and all(map(_is_public_word, words))


def _is_public_word(word: str) -> bool:
    # The parts of a version are short numbers: ubuntu-22.04.
    return word in _PUBLIC_WORDS or re.fullmatch(r"[0-9]{1,2}", word) is not None
