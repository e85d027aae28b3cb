"""Attesting in a Sigstore bundle: one file, which holds envelope, entry and proof.

The entry goes through the log's door for Sigstore's clients: a hashedrekord, which they
know, or a dsse, for older ones.  The envelope is written before it is submitted, beside
the bundle, as

    .BUNDLE.next

A process that dies before the bundle is there leaves it, and the next run submits the
same envelope: the log answers with the same entry.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest.attesting import Claim, says_the_same, write_changed
from tlog.attest.document import (
    AttestationSigner,
    bundle_of,
    encode_envelope,
    sign_once,
    signature_entry,
)
from tlog.errors import RejectedError
from tlogclient import LogClient, RefusedError
from tlogverify import Policy
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES, Envelope
from tlogverify.command.telling import printable
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.rekor import Kind, RekorEntry
from tlogverify.sigstore import (
    Bundle,
    BundleKey,
    LogEntry,
    UnjudgedError,
    verify_bundle,
)

_DEFAULT: Final = "hashedrekord"
_CREATED: Final = 201
_INVALID: Final = 400
_NO_SUCH_KIND: Final = (
    "entries of kind dsse are made by a log that is served with --sigstore-dsse "
    "legacy: name such a log, or attest without --entry-kind dsse"
)


@dataclass(frozen=True, slots=True)
class BundleSigner:
    """Who signs a bundle.

    signer: holds the key.  key: that key as bundles name it, or its certificate.
    stamp: asks for a timestamp over a signature, or None.  kind: of the log's entry.

    Raises FormatError if the certificate is another key's.
    """

    signer: AttestationSigner
    key: BundleKey
    stamp: Callable[[bytes], Awaitable[bytes]] | None = None
    kind: Kind = _DEFAULT

    def __post_init__(self) -> None:
        if self.key.spki != self.signer.public:
            raise FormatError("the certificate is of another key than --key")


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle that is there now; is_kept: it was before."""

    bundle: Bundle
    index: int
    is_kept: bool


async def attest_in_bundle(
    claim: Claim,
    by: BundleSigner,
    log: tuple[LogClient, Policy],
    path: Path,
    *,
    replace: bool = False,
) -> Bundled:
    """Sign a claim, log the signature, and write both as a bundle.

    replace: also where another bundle lies.

    Raises RejectedError if one does and it must not be replaced; FormatError for a key
    whose signatures no log takes; RefusedError if the log makes no entries of this
    kind; and what the client of `log` raises.
    """
    client, policy = log
    signer, key = by.signer, by.key
    kept = _kept(claim, by, path, replace=replace)
    if kept is not None and _is_of_kind(kept, by.kind):
        proven = _prove(claim, kept, key, policy)
        return Bundled(kept, proven, is_kept=True)
    waiting = path.with_name(f".{path.name}.next")
    envelope = _waiting(claim, signer, waiting)
    if envelope is None and kept is not None and isinstance(kept.content, Envelope):
        # The same signature: the log answers with the same entry of each kind.
        envelope = kept.content
    envelope = envelope or sign_once(claim.statement, signer)
    # What a log may make of it; a key that no log takes is refused here.
    kinds: tuple[Kind, ...] = (by.kind, _DEFAULT)
    forms = [signature_entry(envelope, key, it) for it in dict.fromkeys(kinds)]
    write_changed(waiting, encode_envelope(envelope))
    if by.kind == _DEFAULT:
        logged = await _log(client, forms)
    else:
        logged = await _log_whole(client, forms, envelope)
    signature = envelope.signatures[0].sig
    stamps = () if by.stamp is None else (await by.stamp(signature),)
    bundle = bundle_of(envelope, logged, key, stamps)
    # As whoever reads it will: a bundle that is there is one that verifies.
    index = _prove(claim, bundle, key, policy)
    write_changed(path, bundle.encode() + b"\n")
    waiting.unlink(missing_ok=True)
    return Bundled(bundle, index, is_kept=False)


async def _log(
    client: LogClient, forms: Sequence[RekorEntry], envelope: Envelope | None = None
) -> LogEntry:
    try:
        return await client.submit_signature(*forms, envelope=envelope)
    except RefusedError as error:
        if error.status not in {404, 405}:
            raise
        raise RefusedError(
            error.type,
            "this log takes no entries of Sigstore's clients, which a bundle needs: "
            "serve it with --sigstore, or attest without --bundle",
            status=error.status,
        ) from error


async def _log_whole(
    client: LogClient, forms: Sequence[RekorEntry], envelope: Envelope
) -> LogEntry:
    """Log an envelope as the first of `forms`, or raise with the next step."""
    try:
        logged = await _log(client, forms, envelope)
    except RefusedError as error:
        if error.status != _INVALID:
            raise
        detail = f"{error.detail}; {_NO_SUCH_KIND}"
        raise RefusedError(error.type, detail, status=error.status) from error
    if logged.kind != forms[0].kind:
        raise RefusedError(
            "about:blank",
            f"this log keeps the envelope as {printable(logged.kind)}, in entry "
            f"{logged.index}; {_NO_SUCH_KIND}",
            status=_CREATED,
        )
    return logged


def _is_of_kind(bundle: Bundle, kind: Kind) -> bool:
    return all(it.kind == kind for it in bundle.entries)


def _kept(
    claim: Claim, by: BundleSigner, path: Path, *, replace: bool
) -> Bundle | None:
    """Return the bundle that lies there if it says the same by the same key.

    RejectedError for every other one, and for an entry of another kind, unless they
    may be replaced.
    """
    if not path.exists():
        return None
    try:
        found = Bundle.read(path)
    except FormatError:
        found = None
    if (
        found is not None
        and isinstance(found.content, Envelope)
        and says_the_same(encode_envelope(found.content), claim, by.signer)
    ):
        if replace or _is_of_kind(found, by.kind):
            return found
        raise RejectedError(
            f"{printable(str(path))} says the same with a log entry of another kind "
            f"than {by.kind}: --force replaces it"
        )
    if not replace:
        raise RejectedError(
            f"{printable(str(path))} is another bundle: --force replaces it"
        )
    return None


def _waiting(claim: Claim, signer: AttestationSigner, path: Path) -> Envelope | None:
    if not path.is_file():
        return None
    envelope = read_bounded(path, "an attestation", MAX_ENVELOPE_BYTES)
    return Envelope.parse(envelope) if says_the_same(envelope, claim, signer) else None


def _prove(claim: Claim, bundle: Bundle, key: BundleKey, policy: Policy) -> int:
    """Return the entry's index, once all is proven that a certificate leaves to prove.

    Whom a certificate names is judged by those who verify, and by whom they trust.
    """
    for it in claim.artifacts:
        try:
            keys = () if key.is_certificate else (key,)
            verify_bundle(it.sha256, bundle, policy, keys)
        except UnjudgedError:
            continue
    return bundle.entries[0].index
