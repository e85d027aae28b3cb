"""Rules read from a file: today's form, and blocks of them.

    [[keys]]                                 who may sign
    name = "release"                         needed where a block names it
    file = "release.pub"
    builders = ["<builder.id>"]
    not_after = 2027-01-01                   its signatures count until then
    revoked_from = 1204                      entries from this index on do not count
    revoked_log = "<origin>"                 of this log; needed if there are several

    [[identities]]                           whom a certificate may name
    name = "ci"
    issuer = "<URL>"
    san = "<identity>"                       or san_prefix = "<start of it>"

    [[require]]                              every block must hold
    name = "scan"                            left out: the first predicate type
    signers = ["ci"]
    threshold, predicate_types, builders, sources, ...      as without blocks
    max_age = "7d"
    clock = "witness"                        or "tsa" or "claimed"
    no_vulnerability_above = "high"
    vex_signers = ["release"]
    packages_denied, licenses_denied = [...]
    tests = "passed"
    verifier, policy_digest = "..."          of verification summaries

    [[exception]]
    digest = "sha256:<64 hex>"               or source = "<URI>"
    requirements = ["scan"]                  left out: all
    reason, approved_by = "..."
    until = 2026-12-31

A file without [[require]] is one block, of all keys and identities that it has.

Source: this project's `docs/rules.md`.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tlog.rules.moments import parse_length, read_end
from tlog.rules.packages import DeniedName
from tlog.rules.ruleset import (
    MAX_EXCEPTIONS,
    MAX_REQUIREMENTS,
    MAX_SIGNERS,
    Conditions,
    Exemption,
    NamedIdentity,
    NamedKey,
    Requirement,
    RuleSet,
)
from tlogverify.artifact import artifact_sha256
from tlogverify.attestation.rules import (
    KEY_NAMES,
    MAX_RULES_BYTES,
    STATEMENT_NAMES,
    Rules,
    read_key,
    read_statement,
    read_tables,
    read_texts,
    read_threshold,
    require_known,
    server_names,
)
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import MAX_SIZE
from tlogverify.toml import parse_toml

_LISTS: Final = {"keys", "identities", "exception"}
_KEYS: Final = KEY_NAMES | {"name", "not_after", "revoked_from", "revoked_log"}
_IDENTITIES: Final = {"name", "issuer", "san", "san_prefix", "builders"}
_TEXT_CONDITIONS: Final = ("no_vulnerability_above", "tests", "verifier")
_LIST_CONDITIONS: Final = ("vex_signers", "packages_denied", "licenses_denied")
_BLOCK: Final = STATEMENT_NAMES | {
    *("max_age", "clock", "policy_digest", *_TEXT_CONDITIONS, *_LIST_CONDITIONS)
}
_EXCEPTIONS: Final = {"digest", "source", "requirements", "reason"} | {
    *("approved_by", "until"),
}
_NAME: Final = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")


def read_rules(path: str | os.PathLike[str]) -> RuleSet:
    """Read a file and the keys that it names; FormatError, or OSError."""
    file = Path(path)
    return parse_rules(read_bounded(file, "rules", MAX_RULES_BYTES), file.parent)


def key_files(path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Return the files of keys that a file names; FormatError, or OSError."""
    file = Path(path)
    text = read_bounded(file, "rules", MAX_RULES_BYTES)
    members = parse_toml("a file of rules", text, MAX_RULES_BYTES)
    tables = read_tables("a key", members, "keys", MAX_SIGNERS)
    names = [it["file"] for it in tables if "file" in it]
    return tuple(file.parent / it for it in names if isinstance(it, str))


def parse_rules(text: bytes, folder: Path) -> RuleSet:
    """Parse TOML; folder: what the files of keys are relative to.

    Raises FormatError, or OSError if a key's file is not readable.
    """
    members = parse_toml("a file of rules", text, MAX_RULES_BYTES)
    if not server_names(members):
        # What the verifier refuses of today's form is refused here by the same words.
        Rules.parse(text, folder)
    keys = tuple(
        _key(number, it, folder)
        for number, it in enumerate(read_tables("a key", members, "keys", MAX_SIGNERS))
    )
    identities = tuple(
        _identity(number, it)
        for number, it in enumerate(
            read_tables("an identity", members, "identities", MAX_SIGNERS)
        )
    )
    if "require" in members:
        require_known("rules with [[require]]", members, _LISTS | {"require"})
        blocks = read_tables("a block", members, "require", MAX_REQUIREMENTS)
        requirements = [_requirement(it, _BLOCK | {"name", "signers"}) for it in blocks]
    else:
        block = {name: it for name, it in members.items() if name not in _LISTS}
        block["signers"] = [it.name for it in keys] + [
            it.name for it in identities
        ] or None
        requirements = [_requirement(block, _BLOCK | {"signers"})]
    exceptions = read_tables("an exception", members, "exception", MAX_EXCEPTIONS)
    digests = [hashlib.sha256(text).digest(), *(it.key.sha256 for it in keys)]
    return RuleSet(
        keys,
        identities,
        tuple(requirements),
        tuple(map(_exemption, exceptions)),
        hashlib.sha256(b"tlog rules v1\n" + b"".join(digests)).digest(),
    )


def _key(number: int, table: Mapping[str, object], folder: Path) -> NamedKey:
    require_known("a key", table, _KEYS)
    revoked = table.get("revoked_from")
    if revoked is not None and (
        type(revoked) is not int or not 0 <= revoked <= MAX_SIZE
    ):
        raise FormatError("revoked_from is the index of an entry", revoked)
    log = _text(table, "revoked_log")
    if log and revoked is None:
        raise FormatError("revoked_log goes with revoked_from")
    end = table.get("not_after")
    return NamedKey(
        _name(table, f"key {number + 1}"),
        read_key(table, folder),
        read_texts(table, "builders") if "builders" in table else None,
        None if end is None else read_end("not_after", end),
        revoked,
        log,
    )


def _identity(number: int, table: Mapping[str, object]) -> NamedIdentity:
    require_known("an identity", table, _IDENTITIES)
    exact, prefix = _text(table, "san"), _text(table, "san_prefix")
    if bool(exact) == bool(prefix):
        raise FormatError("an identity has either a san or a san_prefix")
    issuer = _text(table, "issuer")
    if not issuer:
        raise FormatError("an identity has an issuer")
    # A prefix that ends within a name covers every name that starts so.
    if prefix and not prefix.endswith(("/", "@")):
        raise FormatError("a san_prefix ends with / or @", prefix)
    return NamedIdentity(
        _name(table, f"identity {number + 1}"),
        issuer,
        exact or prefix,
        bool(prefix),
        read_texts(table, "builders") if "builders" in table else None,
    )


def _requirement(block: Mapping[str, object], names: set[str]) -> Requirement:
    require_known("a block", block, names)
    statement = read_statement(block)
    types = statement["predicate_types"]
    age = block.get("max_age")
    return Requirement(
        **statement,
        name=_name(block, types[0] if types else "a block"),
        signers=read_texts(block, "signers"),
        threshold=read_threshold(block),
        builders=read_texts(block, "builders"),
        max_age_s=None if age is None else parse_length("max_age", age),
        clock=_text(block, "clock"),
        conditions=Conditions(
            no_vulnerability_above=_text(block, "no_vulnerability_above"),
            vex_signers=read_texts(block, "vex_signers"),
            packages_denied=_denied(block),
            licenses_denied=read_texts(block, "licenses_denied"),
            tests=_text(block, "tests"),
            verifier=_text(block, "verifier"),
            policy_digest=_digest(block, "policy_digest"),
        ),
    )


def _denied(block: Mapping[str, object]) -> tuple[str, ...]:
    names = read_texts(block, "packages_denied")
    for name in names:
        DeniedName.parse(name)
    return names


def _exemption(table: Mapping[str, object]) -> Exemption:
    require_known("an exception", table, _EXCEPTIONS)
    reason, approved = _text(table, "reason"), _text(table, "approved_by")
    if not reason or not approved or "until" not in table:
        raise FormatError("an exception has a reason, an approved_by and an until")
    digest = _digest(table, "digest")
    return Exemption(
        reason,
        approved,
        read_end("until", table["until"]),
        bytes.fromhex(digest) if digest else None,
        _text(table, "source"),
        read_texts(table, "requirements"),
    )


def _name(table: Mapping[str, object], default: str) -> str:
    name = _text(table, "name") or default
    if _NAME.fullmatch(name) is None:
        raise FormatError("a name has 1 to 256 visible characters", name)
    return name


def _digest(table: Mapping[str, object], name: str) -> str:
    """Return the hex digits of a digest, or "" where none is named."""
    text = _text(table, name)
    if text and not text.startswith("sha256:"):
        raise FormatError(f"{name} is sha256: and 64 lower-case hex", text)
    return artifact_sha256(text).hex() if text else ""


def _text(table: Mapping[str, object], name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or (name in table and not value):
        raise FormatError(f"{name} is a string that is not empty", value)
    return value
