"""Who we are to a registry: what `docker login` has left behind.

    $DOCKER_CONFIG/config.json, else ~/.docker/config.json
    {"auths":{"<server>":{"auth":"<base64 of user:password>"}},
     "credHelpers":{"<server>":"<helper>"},"credsStore":"<helper>"}

Nothing of it is shown in an error or a log line, nor handed to a program as an
argument.
Source: docker/cli, "Credential store"; docker/docker-credential-helpers.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from tlog.registry.keychains import ask_keychain
from tlogverify.attestation.members import object_member, optional_text, parse_object
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

MAX_CONFIG_BYTES: Final = 1 << 20

_Given = ParamSpec("_Given")
_Read = TypeVar("_Read")

_RULE: Final = "docker's config.json"
_HELPER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_TOKEN_USER: Final = "<token>"  # noqa: S105 - how helpers say that a token follows


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user's name and password, or a token in their place; "" for what is not there.

    identity_token: is exchanged for access tokens.  registry_token: is one.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The Authorization header of a user with a password, or ""."""
        if not self.user:
            return ""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, slots=True)
class Keyring:
    """The credentials of all registries, as far as they are told apart by host."""

    auths: Mapping[str, object] = field(default_factory=dict, repr=False)
    helpers: Mapping[str, object] = field(default_factory=dict)
    store: str = ""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Keyring":
        """Read the file that the environment leads to; empty if there is none.

        Raises FormatError, or OSError if it is there and cannot be read.
        """
        folder = environment.get("DOCKER_CONFIG", "")
        home = environment.get("HOME", "")
        if not folder and not home:
            return cls()
        path = Path(folder) if folder else Path(home) / ".docker"
        try:
            content = read_bounded(path / "config.json", _RULE, MAX_CONFIG_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        members = _quietly(parse_object, _RULE, content)
        return cls(
            _quietly(object_member, _RULE, members, "auths"),
            _quietly(object_member, _RULE, members, "credHelpers"),
            _quietly(optional_text, _RULE, members, "credsStore"),
        )

    async def find(self, authority: str) -> Credentials | None:
        """Return the credentials for a registry's host and port, or None.

        Raises FormatError for a file or an answer that is none, RejectedError if a
        helper fails.
        """
        helper = self.helpers.get(authority, self.store)
        if not isinstance(helper, str):
            raise FormatError(f"{_RULE}: a credential helper is named by a string")
        if helper:
            if _HELPER.fullmatch(helper) is None:
                raise FormatError(
                    f"{_RULE}: a helper's name has letters, digits and ._-"
                )
            if (found := await _ask(helper, authority)) is not None:
                return found
        for server, entry in self.auths.items():
            if _authority_of(server) == authority and isinstance(entry, dict):
                return _quietly(_parse_entry, entry)
        return None


async def _ask(helper: str, authority: str) -> Credentials | None:
    said = await ask_keychain(f"docker-credential-{helper}", authority)
    if said is None:
        return None
    members = _quietly(parse_object, "a credential helper's answer", said)
    rule = "a credential helper's answer"
    user = _quietly(optional_text, rule, members, "Username")
    secret = _quietly(optional_text, rule, members, "Secret")
    if user == _TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(user, secret) if user else None


def _parse_entry(entry: Mapping[str, object]) -> Credentials | None:
    rule = f"{_RULE}: auths"
    user = optional_text(rule, entry, "username")
    password = optional_text(rule, entry, "password")
    if pair := optional_text(rule, entry, "auth"):
        try:
            text = base64.b64decode(pair, validate=True).decode()
        except (binascii.Error, ValueError):
            raise FormatError(f"{rule} are base64 of UTF-8") from None
        user, colon, password = text.partition(":")
        if not colon:
            raise FormatError(f"{rule} are base64 of user:password")
        password = password.strip("\0")
    registry_token = optional_text(rule, entry, "registrytoken")
    if registry_token:
        require_bearer(registry_token)
    found = Credentials(
        user, password, optional_text(rule, entry, "identitytoken"), registry_token
    )
    return None if found == Credentials() else found


def require_bearer(token: str) -> str:
    """Return a token that a header can hold; FormatError, which does not show it."""
    if _BEARER.fullmatch(token) is None:
        raise FormatError("a bearer token has letters, digits and ._~+/-=")
    return token


def _quietly(
    parse: Callable[_Given, _Read], *given: _Given.args, **named: _Given.kwargs
) -> _Read:
    """Parse what may be secret: an error names the rule, and not what was found."""
    try:
        return parse(*given, **named)
    except FormatError as error:
        raise FormatError(error.rule) from None


def _authority_of(server: str) -> str:
    """Return the host and port of a name in `auths`, which may be a URL."""
    _, scheme, rest = server.rpartition("://")
    return (rest if scheme else server).partition("/")[0]
