"""A verdict as a verification summary (VSA), signed by the gate's key.

The summary says what was judged and when; who believes the key may take it in place of
the documents.  It is not logged here: `tlog attest` does that.
"""

from dataclasses import dataclass

from tlog import __version__
from tlog.attest import (
    AttestationSigner,
    NamedDigest,
    encode_statement,
    require_uri,
    sign_statement,
)
from tlog.gate.decisions import Decision
from tlog.rules.summaries import Summarized
from tlog.rules.telling import summary_of
from tlog.rules.types import VSA_TYPE


@dataclass(frozen=True, slots=True)
class Summarizer:
    """Signs summaries; verifier: the URI by which they name who judged."""

    verifier: str
    signer: AttestationSigner

    def __post_init__(self) -> None:
        require_uri("verifier", self.verifier)

    def summarize(self, decision: Decision, environment: str) -> bytes | None:
        """Return the envelope; None for a decision without a verdict."""
        verdict = decision.verdict
        if verdict is None or decision.outcome == "undecided":
            return None
        resource = f"urn:sha256:{verdict.sha256.hex()}"
        whose = Summarized(self.verifier, __version__, resource, environment)
        subjects = (NamedDigest("", verdict.sha256),)
        statement = encode_statement(subjects, VSA_TYPE, summary_of(verdict, whose))
        return sign_statement(statement, self.signer)
