"""Provenance documents, stored by the log beside the entries that name them."""

from collections.abc import Iterable
from pathlib import Path

from tlog.submit.destinations import Planned
from tlogclient import LogClient
from tlogverify import Proof


async def store_documents(
    log: LogClient,
    planned: Iterable[Planned],
    given: Path | None,
    environment: str | None,
) -> int:
    """Store the document of each artifact that has one; return how many there were.

    planned: have their proofs, which say where the entries stand.  given: the document
    of all; else it is the attestation beside each file.  An artifact that stands for
    itself is no document.

    Raises what `LogClient.put_document` does.
    """
    stored: set[Path] = set()
    for it in planned:
        document = given or it.destination.artifact.statement()
        if document is None or document in stored:
            continue
        index = Proof.read(it.destination.path).index
        await log.put_document(document, entry=index, environment=environment)
        stored.add(document)
    return len(stored)
