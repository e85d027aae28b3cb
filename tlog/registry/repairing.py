"""What a registry has lost of an image, and a log still knows.

A proof is missing if no attached proof is of its entry: one of a later head is as good.
An envelope or a bundle is missing if no layer has its digest.  Documents of other kinds
are left out: the log does not know by which type they were attached.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from tlog.errors import RejectedError
from tlog.registry.discovery import Image, discover
from tlog.registry.judging import Trust, fetch_documents
from tlog.registry.payloads import PROOF_TYPE, Payload, recognise
from tlog.registry.repository import Repository
from tlogverify.errors import FormatError
from tlogverify.policy import Policy
from tlogverify.proof import Proof


@dataclass(frozen=True, slots=True)
class Kept:
    """What a log knows of an image: a proven entry, and the document that it names.

    document: None if the log does not keep it.
    """

    proof: Proof
    document: bytes | None = field(default=None, repr=False)


async def list_missing(
    repository: Repository, image: Image, kept: Sequence[Kept], policy: Policy
) -> list[Payload]:
    """Return what is not attached of all that a log keeps.

    policy: of the log, by which `kept` was proven.

    Raises what `discover` raises.
    """
    discovery = await discover(repository, image)
    attached = {
        layer.digest.removeprefix("sha256:")
        for it in discovery.attachments
        if it.manifest is not None
        for layer in it.manifest.layers
    }
    documents = await fetch_documents(repository, discovery, Trust(policy))
    entries = {_entry_of(it.content) for it in documents if it.content is not None}
    missing = dict[bytes, Payload]()
    for it in kept:
        if it.document is not None:
            sha256 = hashlib.sha256(it.document).hexdigest()
            payload = _recognised(it.document, image)
            if payload is not None and sha256 not in attached:
                missing[it.document] = payload
        if it.proof.extra is not None and it.proof.extra not in entries:
            missing[it.proof.extra] = Payload(PROOF_TYPE, it.proof.encode())
    return list(missing.values())


def _entry_of(proof: bytes) -> bytes | None:
    try:
        return Proof.parse(proof).extra
    except FormatError:
        return None


def _recognised(document: bytes, image: Image) -> Payload | None:
    try:
        return recognise(document, image.digest)
    except (FormatError, RejectedError):
        return None
