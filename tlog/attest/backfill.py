"""Backfilled records: what is known of artifacts whose builds nobody here watched.

    predicateType   urn:tlog:backfill:v1
    predicate       knownSince     since when the artifact is known to exist, RFC 3339
                    sources        where that is known from
                    method         folder, csv or registry
                    unverifiable   true

SLSA provenance claims a build that was watched, and so none is made here.  Rules refuse
this type unless they say `allow_backfill = true`.

One envelope, record and proof an artifact.  They lie in one folder, with the state of
the work, which is appended to after each request:

    sha256-HEX.intoto.jsonl  sha256-HEX.tlog-proof  backfill.jsonl

Another run goes on with what the state lacks.  An envelope that lies there and says the
same is taken, and the log answers with the same entry.
"""

import csv
import io
import json
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tlog.attest.artifacts import Artifact, find_artifacts
from tlog.attest.attesting import Claim, says_the_same, write_changed
from tlog.attest.capture import require_uri, utc_time
from tlog.attest.document import (
    AttestationSigner,
    NamedDigest,
    record_of,
    sign_statement,
)
from tlog.attest.redaction import Omission, redact, why_left_out
from tlog.errors import RejectedError
from tlogclient import LogClient
from tlogverify import Proof
from tlogverify.artifact import artifact_sha256
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.attestation.rules import BACKFILL_TYPE
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded, sha256_file

STATE: Final = "backfill.jsonl"

_COLUMNS: Final = ("digest", "known_since", "source", "name")
_NEEDED: Final = frozenset(_COLUMNS[:3])
_MAX_CSV_BYTES: Final = 256 << 20
_GROUP: Final = 256
_MAX_SOURCES: Final = 64


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one artifact; name: "" for none; known_since: as SLSA has it."""

    sha256: bytes
    known_since: str
    sources: tuple[str, ...]
    method: str
    name: str = ""

    @property
    def predicate(self) -> dict[str, object]:
        """What is signed of it."""
        return {
            "knownSince": self.known_since,
            "sources": list(self.sources),
            "method": self.method,
            "unverifiable": True,
        }


def known_of_folder(folder: Path, known_since: str = "") -> list[Known]:
    """Return each file in a folder and below; known since it was changed last.

    known_since: another time for all of them.  Outputs of ours are passed over.

    Raises RejectedError if there is no file, OSError.
    """
    sought, _ = find_artifacts([str(folder)], is_recursive=True)
    return [
        Known(
            sha256_file(it.path),
            known_since or _time_of(it.path.stat().st_mtime),
            (f"file:{it.name}",),
            "folder",
            it.name or "",
        )
        for it in sought
    ]


def known_of_csv(path: Path) -> list[Known]:
    """Return each row of a CSV file, in UTF-8 with a line of names.

    digest: sha256:HEX.  known_since: RFC 3339.  source: a URI.  name: may be missing.

    Raises FormatError, which names the line, for what is none of these; OSError.
    """
    content = read_bounded(path, "a CSV file", _MAX_CSV_BYTES)
    try:
        text = content.decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = set(rows.fieldnames or ())
        if not _NEEDED <= names <= set(_COLUMNS):
            raise FormatError(f"{path.name} has the columns {', '.join(_COLUMNS)}")
        found = [_row(path, rows.line_num, it) for it in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path.name} is CSV in UTF-8: {error}") from None
    if not found:
        raise RejectedError(f"{path.name} names no artifact")
    return found


def _row(path: Path, line: int, row: dict[str, str | None]) -> Known:
    try:
        digest, since, source = (row[it] or "" for it in _COLUMNS[:3])
        if not digest.startswith("sha256:") or None in row:
            raise FormatError("a digest is sha256: and 64 lower-case hex", digest)
        require_uri("a source", source)
        return Known(
            artifact_sha256(digest),
            utc_time(since),
            (source,),
            "csv",
            row.get("name") or "",
        )
    except FormatError as error:
        raise FormatError(f"{path.name}, line {line}: {error}") from None


def join_known(found: Iterable[Known]) -> list[Known]:
    """Return each artifact once: the earliest time, all sources, the first name."""
    joined: dict[bytes, Known] = {}
    for it in found:
        other = joined.get(it.sha256)
        joined[it.sha256] = it if other is None else _both(other, it)
    return list(joined.values())


def _both(first: Known, second: Known) -> Known:
    sources = dict.fromkeys((*first.sources, *second.sources))
    methods = dict.fromkeys((*first.method.split("+"), second.method))
    return Known(
        first.sha256,
        # Both are of one form in UTC, in which the earlier one sorts first.
        min(first.known_since, second.known_since),
        tuple(sources)[:_MAX_SOURCES],
        "+".join(methods),
        first.name or second.name,
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """One artifact whose record is logged; its envelope and proof are files now."""

    known: Known
    envelope: bytes
    proof: Proof


class Backfill:
    """The work of one folder, which is made if it is new."""

    def __init__(self, folder: Path, secrets: Sequence[str] = ()) -> None:
        self._folder = folder
        self._secrets = secrets

    def missing(
        self, known: Sequence[Known], *, with_documents: bool = False
    ) -> list[Known]:
        """Return the artifacts that are not done by the state.

        with_documents: nor are those whose document the log was not given.

        """
        done = self._done(with_documents=with_documents)
        return [it for it in known if it.sha256.hex() not in done]

    def claim(self, known: Known) -> tuple[Claim, tuple[Omission, ...]]:
        """Return what is signed of an artifact, and what must not be told of it."""
        predicate, omissions = redact(known.predicate, self._secrets)
        why = why_left_out(known.name, self._secrets)
        if why is not None:
            omissions = (Omission("subject[0].name", why), *omissions)
        name = "" if why is not None else known.name
        digits = known.sha256.hex()
        path = self._folder / f"sha256-{digits}"
        artifact = Artifact(path, known.sha256, name, f"sha256:{digits}")
        subjects = (NamedDigest(name, known.sha256),)
        return Claim((artifact,), subjects, BACKFILL_TYPE, predicate), omissions

    async def send(
        self, missing: Sequence[Known], signer: AttestationSigner, log: LogClient
    ) -> AsyncIterator[Logged]:
        """Sign and log artifacts, 256 in a request, and return each when it is kept.

        Whoever takes one calls `note` when nothing more is to be done with it.

        Raises what `log` raises.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(missing), _GROUP):
            group = missing[start : start + _GROUP]
            claims = [self.claim(it)[0] for it in group]
            envelopes = [self._envelope(it, signer) for it in claims]
            records = [
                record_of(envelope, it.subjects, it.predicate_type, signer)
                for it, envelope in zip(claims, envelopes, strict=True)
            ]
            proofs = await log.submit(records)
            for it, claim, envelope, proof in zip(
                group, claims, envelopes, proofs, strict=True
            ):
                write_changed(claim.artifacts[0].proof, proof.encode())
                yield Logged(it, envelope, proof)

    def note(self, logged: Logged, *, has_document: bool) -> None:
        """Append one artifact to the state, durably.

        has_document: whether the log has its envelope.
        """
        line = json.dumps(
            {
                "sha256": logged.known.sha256.hex(),
                "index": logged.proof.index,
                "document": has_document,
            }
        )
        file = self._folder / STATE
        with file.open("ab+") as stream:
            # A line that a crash has cut short is ended first, and counts for nothing.
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                if stream.read() != b"\n":
                    stream.write(b"\n")
            stream.write(line.encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _envelope(self, claim: Claim, signer: AttestationSigner) -> bytes:
        """Return the envelope that lies there if it says the same, or a new one."""
        path = claim.artifacts[0].attestation
        if path.is_file():
            kept = read_bounded(path, "an attestation", MAX_ENVELOPE_BYTES)
            if says_the_same(kept, claim, signer):
                return kept
        envelope = sign_statement(claim.statement, signer)
        # Before it is logged: an answer that is lost leaves what the entry names.
        write_changed(path, envelope)
        return envelope

    def _done(self, *, with_documents: bool) -> set[str]:
        file = self._folder / STATE
        if not file.exists():
            return set()
        done: set[str] = set()
        for line in file.read_bytes().split(b"\n"):
            try:
                members = json.loads(line)
            except ValueError:
                continue  # it was cut short: its artifact is done again
            if members["document"] or not with_documents:
                done.add(members["sha256"])
        return done


def _time_of(time_s: float) -> str:
    return datetime.fromtimestamp(int(time_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
