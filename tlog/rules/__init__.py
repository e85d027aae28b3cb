"""Rules of several requirements, judged over all documents of one artifact.

    rules = read_rules("RULES.toml")
    verdict = decide("sha256:<64 hex>", documents, rules, Trust(policy), now_s)

`tlogverify` judges one attestation by keys.  Here are what takes more: several
documents, certificates, age, what documents say, and exceptions.  The files, in order
of dependency:

    moments  types       times; predicate types
    ruleset  reading     what rules say; a file of them
    references           statements that refer to an SBOM by its digest
    opening              documents whose signature and log entry hold
    scans  packages      what scans, VEX and SBOMs say
    summaries            verification summaries, made and read
    conditions  terms    what a document must say; whose signature counts, how long
    verdicts  judging    PURE: what was found, and the one judge of it
    telling              a verdict for people, JSON and other verifiers
    folders  cases       documents in folders; cases that lie beside rules
    checking             what rules can never do
"""

from collections.abc import Sequence

from tlog.bundles.judging import Artifact
from tlog.rules.judging import judge
from tlog.rules.opening import (
    MAX_DOCUMENTS,
    Attested,
    Bundled,
    CertifiedJudge,
    Document,
    Opened,
    OpenedArtifact,
    Referred,
    Trust,
    Unopened,
    open_documents,
)
from tlog.rules.reading import parse_rules, read_rules
from tlog.rules.ruleset import RuleSet
from tlog.rules.verdicts import Excused, Finding, Outcome, Verdict

__all__ = [
    "MAX_DOCUMENTS",
    "Attested",
    "Bundled",
    "CertifiedJudge",
    "Document",
    "Excused",
    "Finding",
    "Opened",
    "OpenedArtifact",
    "Outcome",
    "Referred",
    "RuleSet",
    "Trust",
    "Unopened",
    "Verdict",
    "decide",
    "judge",
    "open_documents",
    "parse_rules",
    "read_rules",
]


def decide(
    artifact: Artifact,
    documents: Sequence[Document],
    rules: RuleSet,
    trust: Trust,
    now_s: int,
) -> Verdict:
    """Open an artifact's documents and judge it by rules.

    artifact: as `tlogverify.verify_artifact` takes it.  now_s: POSIX seconds.  What
    `open_documents` returns does not depend on the time: who asks again may keep it.

    Raises FormatError for more than MAX_DOCUMENTS or a malformed digest, OSError if the
    artifact is not readable.
    """
    return judge(rules, open_documents(artifact, documents, rules, trust), now_s)
