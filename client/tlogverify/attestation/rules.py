"""RULES.toml: whose attestations are believed, and about what.

    threshold = 1                            different keys that must sign
    predicate_types = ["<URI>"]
    builders = ["<builder.id>"]              what each key without its own may name
    build_types = ["<URI>"]                  left out: any
    sources = ["<URI>"]                      exactly one of these
    source_prefixes = ["<URI>"]              or one below these
    any_source = false
    allow_backfill = false                   true: takes what nobody watched
    ignored_parameters = ["<path>"]

    [[keys]]
    file = "release.pub"                     PEM; relative to this file
    pem = "-----BEGIN PUBLIC KEY-----..."    instead of a file
    builders = ["<builder.id>"]

    [parameters]
    "<path>" = ["<value>"]                   external parameters and what they may be

The rules refuse everything that they do not allow, and an unknown name is an error: a
mistyped rule must not be missing.  Rules for SLSA provenance name builders and sources,
and nothing but provenance.  A file with names that `tlog.rules` alone reads is refused.

Source: SLSA v1.0, "Verifying artifacts"; this project's `docs/attestations.md`.
"""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from tlogverify.attestation.signers import MAX_PEM_BYTES, SignerKey
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.toml import parse_toml

BACKFILL_TYPE: Final = "urn:tlog:backfill:v1"
MAX_RULES_BYTES: Final = 1 << 18
MAX_KEYS: Final = 16
MAX_VALUES: Final = 256

STATEMENT_NAMES: Final = {"threshold", "predicate_types", "parameters"} | {
    *("builders", "build_types", "sources", "source_prefixes"),
    *("any_source", "allow_backfill", "ignored_parameters"),
}
KEY_NAMES: Final = {"file", "pem", "builders"}
_SERVER_NAMES: Final = {"require", "exception", "identities", "name", "signers"} | {
    *("max_age", "clock", "no_vulnerability_above", "vex_signers", "tests"),
    *("packages_denied", "licenses_denied", "verifier", "policy_digest"),
    *("not_after", "revoked_from", "revoked_log"),
}

# A prefix has an authority and a slash behind it: what comes after one without would be
# a part of the host's name, or make the host a user's name.
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@%\\]+/[^\s?#%\\]*")
_BOUNDARY: Final = ("/", "@", "#", "?")
_DOT_GIT: Final = re.compile(r"(?<=[^/])\.git(?=[@#?]|$)")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key and the builder ids that it may speak for."""

    key: SignerKey
    builders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRules:
    """What a statement must say; see the module for the meaning of each member.

    parameters: by dotted path; None where the rules have no word on parameters.
    Raises FormatError where they would let through what nobody judged.
    """

    predicate_types: tuple[str, ...]
    build_types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    source_prefixes: tuple[str, ...] = ()
    any_source: bool = False
    parameters: Mapping[str, tuple[str, ...]] | None = None
    ignored_parameters: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.predicate_types:
            raise FormatError("rules name the predicate_types")
        if not all(
            _PREFIX.fullmatch(it) and _is_plain(it) for it in self.source_prefixes
        ):
            raise FormatError("a source prefix is scheme://host/ and a plain path")
        # Of another version nobody would judge builder and source.
        if any(
            it.startswith("https://slsa.dev/provenance") and it != PROVENANCE_TYPE
            for it in self.predicate_types
        ):
            raise FormatError(f"provenance is judged in one version: {PROVENANCE_TYPE}")
        if self.is_of_builds and len(self.predicate_types) > 1:
            raise FormatError("rules for provenance name no other predicate type")
        sources = (*self.sources, *self.source_prefixes)
        builds = (self.build_types, self.parameters, self.ignored_parameters)
        if self.is_of_builds and bool(sources) == self.any_source:
            raise FormatError("rules for provenance name sources, or any_source")
        if not self.is_of_builds and any((*sources, self.any_source, *builds)):
            raise FormatError(f"rules for builds name {PROVENANCE_TYPE}")

    @property
    def is_of_builds(self) -> bool:
        """Whether these are rules for provenance."""
        return PROVENANCE_TYPE in self.predicate_types

    def require_builders(self, builders: Collection[tuple[str, ...]]) -> None:
        """Raise FormatError unless all signers have builders, or none needs any."""
        if self.is_of_builds and not all(builders):
            raise FormatError("rules for provenance name builders for every key")
        if not self.is_of_builds and any(builders):
            raise FormatError(f"rules for builds name {PROVENANCE_TYPE}")

    def allows_source(self, uri: str) -> bool:
        """Tell whether a source's URI is one of these, or below a prefix.

        Below means: it ends at a slash, or one of / @ # ? follows, and what follows is
        plain: it does not climb, and is not escaped.  `git+` before a repository's URI
        and `.git` behind are passed over, in the rules and here.
        """
        bare = _without_git(uri)
        if self.any_source or bare in map(_without_git, self.sources):
            return True
        return _is_plain(uri) and any(
            bare == prefix
            or (prefix.endswith("/") and bare.startswith(prefix))
            or bare.startswith(tuple(f"{prefix}{it}" for it in _BOUNDARY))
            for prefix in map(_without_git, self.source_prefixes)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(StatementRules):
    """Whose attestations are believed, and what these must say."""

    keys: tuple[TrustedKey, ...]
    threshold: int = 1

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        spkis = {it.key.spki for it in self.keys}
        if not 0 < len(self.keys) <= MAX_KEYS or len(spkis) != len(self.keys):
            raise FormatError(f"rules have 1 to {MAX_KEYS} different keys")
        if not 0 < self.threshold <= len(self.keys):
            raise FormatError("threshold is 1 to the number of keys", self.threshold)
        # A slotted dataclass is another class than the one that `super()` closes over.
        StatementRules.__post_init__(self)
        self.require_builders([it.builders for it in self.keys])

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Rules":
        """Read a file and the keys that it names; FormatError, or OSError."""
        file = Path(path)
        return cls.parse(read_bounded(file, "rules", MAX_RULES_BYTES), file.parent)

    @classmethod
    def parse(cls, text: bytes, folder: Path) -> "Rules":
        """Parse TOML; folder: what the files of keys are relative to."""
        members = parse_toml("a file of rules", text, MAX_RULES_BYTES)
        tables = read_tables("a key", members, "keys", MAX_KEYS)
        if others := server_names(members):
            raise FormatError(
                f"rules: {min(others)} is judged by `tlog verify` of tlog-server, and "
                "not here"
            )
        require_known("rules", members, STATEMENT_NAMES | {"keys"})
        if not tables:
            raise FormatError(f"rules have [[keys]], 1 to {MAX_KEYS}")
        for table in tables:
            require_known("a key", table, KEY_NAMES)
        keys = tuple(
            TrustedKey(
                read_key(it, folder),
                read_texts(it if "builders" in it else members, "builders"),
            )
            for it in tables
        )
        return cls(
            keys=keys, threshold=read_threshold(members), **read_statement(members)
        )


def _without_git(uri: str) -> str:
    return _DOT_GIT.sub("", uri.removeprefix("git+"), count=1)


def _is_plain(uri: str) -> bool:
    # Some servers take `..;x` for `..`.
    segments = re.split(r"[/@#?;]", uri)
    is_visible = re.fullmatch(r"[!-~]+", uri) is not None
    return is_visible and not {".", ".."} & {*segments} and not {"%", "\\"} & {*uri}


class StatementMembers(TypedDict):
    """The members of `StatementRules`, as they are read."""

    predicate_types: tuple[str, ...]
    build_types: tuple[str, ...]
    sources: tuple[str, ...]
    source_prefixes: tuple[str, ...]
    any_source: bool
    parameters: Mapping[str, tuple[str, ...]] | None
    ignored_parameters: tuple[str, ...]


def read_statement(members: Mapping[str, object]) -> StatementMembers:
    """Read what a statement must say from a file or a block; raises FormatError."""
    flags = {it: members.get(it, False) for it in ("any_source", "allow_backfill")}
    if not all(type(it) is bool for it in flags.values()):
        raise FormatError(f"{' and '.join(flags)} are true or false")
    types = read_texts(members, "predicate_types")
    if (BACKFILL_TYPE in types) != flags["allow_backfill"]:
        raise FormatError(f"allow_backfill = true goes with {BACKFILL_TYPE}")
    return {
        "predicate_types": types,
        "build_types": read_texts(members, "build_types"),
        "sources": read_texts(members, "sources"),
        "source_prefixes": read_texts(members, "source_prefixes"),
        "any_source": flags["any_source"] is True,
        "parameters": _parameters(members),
        "ignored_parameters": read_texts(members, "ignored_parameters"),
    }


def server_names(members: Mapping[str, object]) -> set[str]:
    """Return the names in parsed rules that `tlog.rules` alone reads."""
    keys = members.get("keys")
    tables = [it for it in keys if isinstance(it, dict)] if type(keys) is list else []
    return _SERVER_NAMES & {*members, *(name for it in tables for name in it)}


def read_tables(
    rule: str, members: Mapping[str, object], name: str, maximum: int
) -> list[dict[str, object]]:
    """Return an array of tables; [] if it is not there.  Raises FormatError."""
    tables = members.get(name, [])
    if not isinstance(tables, list) or len(tables) > maximum:
        raise FormatError(f"rules have [[{name}]], 1 to {maximum}")
    found = [it for it in tables if isinstance(it, dict)]
    if len(found) < len(tables):
        raise FormatError(f"{rule} is a table")
    return found


def read_key(table: Mapping[str, object], folder: Path) -> SignerKey:
    """Read the key that a table names or holds; FormatError, or OSError."""
    source = [table[name] for name in ("file", "pem") if name in table]
    if len(source) != 1 or not isinstance(source[0], str) or "\0" in source[0]:
        raise FormatError("a key has either a file or a pem, a string")
    if "file" in table:
        return SignerKey.of_pem(
            read_bounded(folder / source[0], "a key", MAX_PEM_BYTES)
        )
    return SignerKey.of_pem(source[0].encode())


def read_threshold(members: Mapping[str, object]) -> int:
    """Return how many must sign, 1 if nothing is said; raises FormatError."""
    threshold = members.get("threshold", 1)
    if type(threshold) is not int:
        raise FormatError("threshold is a number", threshold)
    return threshold


def _parameters(members: Mapping[str, object]) -> dict[str, tuple[str, ...]] | None:
    table = members.get("parameters")
    if table is None:
        return {} if "ignored_parameters" in members else None
    if not isinstance(table, dict) or len(table) > MAX_VALUES:
        raise FormatError(f"parameters are a table of at most {MAX_VALUES}")
    return {name: read_texts(table, name) for name in table}


def read_texts(members: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return strings that are not empty; none if the name is not there."""
    values = members.get(name)
    if values is None:
        return ()
    if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
        raise FormatError(f"{name} has 1 to {MAX_VALUES} strings", values)
    texts = tuple(value for value in values if isinstance(value, str) and value)
    if len(texts) != len(values):
        raise FormatError(f"{name} has strings that are not empty")
    return texts


def require_known(rule: str, members: Mapping[str, object], names: set[str]) -> None:
    """Raise FormatError for a name that is not one of `names`."""
    unknown = sorted(members.keys() - names)
    if unknown:
        raise FormatError(f"{rule}: an unknown name", unknown[0])
