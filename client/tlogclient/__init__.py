"""Talking to a transparency log: submit, search, prove; every answer is verified.

    async with LogClient(url, policy) as log:
        proofs = await log.submit([record, ...])      many in one request
        proof = await log.submit_one(record)          concurrent calls share requests
        result = await log.search("sha256:<hex>")     entries that name a digest
        proof = await log.prove(index)                an entry by its index
        head = await log.checkpoint()                 the log's head and who signed it
        history = await log.history(old, new)         that one size extends another
        found = await log.attestations("sha256:<hex>")    entries about an artifact
        content = await log.document("sha256:<hex>")      a document's bytes
        await log.put_document(content, entry=index)      store one
    held = await log.holdings("pkg:pypi/name@1.2")    SBOMs that hold a package

`BlockingLog` has the same verbs for scripts.  Everything that these verbs return has
been proven by `tlogverify` against the policy; an answer that is not proven raises.  A
client keeps no state: it remembers no head between calls, and writes no file.

The files, in order of dependency:

    errors                           refused, unavailable
    strictjson  batches              exact values out of JSON; entries into requests
    answers  findings  problems      PURE: what an answer proves, or why there is none
    attested  comparing  holdings    PURE: what is proven of an artifact, of a package
    recount                          PURE: the same of an artifact, out of every entry
    histories                        PURE: what is proven of two sizes of a log
    purls  runs  sboms               PURE: packages, what holds them; runs of jobs
    cosigning                        PURE: what a log says to a witness
    network                          proxy, authorities, who learns of waits
    retries                          what is tried again, and after which pause
    transport  coalesce              HTTP, bounds, retries; single submits into batches
    kept  monitors  mirrors          documents of a log; who else is asked
    told                             the policy that a log says is its own
    log  blocking                    the verbs of a log
    witness                          the verbs of a witness
    signers                          a signer's file, and the digest that names it
"""

from tlogclient.attested import Attestation, AttestationResult
from tlogclient.blocking import BlockingLog
from tlogclient.errors import (
    IncompleteError,
    RefusedError,
    TwoHistoriesError,
    UnavailableError,
)
from tlogclient.findings import Hit, SearchResult
from tlogclient.holdings import Holding, HoldingResult
from tlogclient.log import LogClient
from tlogclient.monitors import MonitorClient

__all__ = [
    "Attestation",
    "AttestationResult",
    "BlockingLog",
    "Hit",
    "Holding",
    "HoldingResult",
    "IncompleteError",
    "LogClient",
    "MonitorClient",
    "RefusedError",
    "SearchResult",
    "TwoHistoriesError",
    "UnavailableError",
]
