"""Attesting in a Sigstore bundle: one file, which holds envelope, entry and proof.

The entry goes through the log's door for Sigstore's clients, in the one form that all
of them know.  The envelope is written before it is submitted, beside the bundle, as

    .BUNDLE.next

A process that dies before the bundle is there leaves it, and the next run submits the
same envelope: the log answers with the same entry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

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
from tlogverify.sigstore import Bundle, BundleKey, UnjudgedError, verify_bundle


@dataclass(frozen=True, slots=True)
class BundleSigner:
    """Who signs a bundle.

    signer: holds the key.  key: that key as bundles name it, or its certificate.
    stamp: asks for a timestamp over a signature, or None.

    Raises FormatError if the certificate is another key's.
    """

    signer: AttestationSigner
    key: BundleKey
    stamp: Callable[[bytes], Awaitable[bytes]] | None = None

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
    whose signatures no log takes; and what the client of `log` raises.
    """
    client, policy = log
    signer, key = by.signer, by.key
    kept = _kept(claim, signer, path, replace=replace)
    if kept is not None:
        proven = _prove(claim, kept, key, policy)
        return Bundled(kept, proven, is_kept=True)
    waiting = path.with_name(f".{path.name}.next")
    envelope = _waiting(claim, signer, waiting) or sign_once(claim.statement, signer)
    entry = signature_entry(envelope, key)
    write_changed(waiting, encode_envelope(envelope))
    try:
        logged = await client.submit_signature(entry)
    except RefusedError as error:
        if error.status not in {404, 405}:
            raise
        raise RefusedError(
            error.type,
            "this log takes no entries of Sigstore's clients, which a bundle needs: "
            "serve it with --sigstore, or attest without --bundle",
            status=error.status,
        ) from error
    signature = envelope.signatures[0].sig
    stamps = () if by.stamp is None else (await by.stamp(signature),)
    bundle = bundle_of(envelope, logged, key, stamps)
    # As whoever reads it will: a bundle that is there is one that verifies.
    index = _prove(claim, bundle, key, policy)
    write_changed(path, bundle.encode() + b"\n")
    waiting.unlink(missing_ok=True)
    return Bundled(bundle, index, is_kept=False)


def _kept(
    claim: Claim, signer: AttestationSigner, path: Path, *, replace: bool
) -> Bundle | None:
    """Return the bundle that lies there if it says the same by the same key."""
    if not path.exists():
        return None
    try:
        found = Bundle.read(path)
    except FormatError:
        found = None
    content = None if found is None else found.content
    if isinstance(content, Envelope) and says_the_same(
        encode_envelope(content), claim, signer
    ):
        return found
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
