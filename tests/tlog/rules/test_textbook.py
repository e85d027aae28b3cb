"""Whatever the rules and documents, the judge says what the textbook says."""

from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tlog.rules.textbook import (
    DAY_S,
    Ask,
    KeyTerms,
    Pass,
    Told,
    is_allowed,
)
from tests.tlog.rules.workshop import (
    OTHER_SHA256,
    SIGNERS,
    TESTS,
    VEX,
    VULNS,
    WAIVED,
    Paper,
    at,
    decided,
    keys,
    scan,
    vex,
)
from tests.tlogverify.actors import TIME_S
from tests.tlogverify.attestation.stories import MALLORY
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY
from tests.tlogverify.strategies import (
    any_bytes,
    json_objects,
    near_misses,
    thorough,
)
from tlog.rules import Attested, Bundled, Document, Trust, decide, parse_rules
from tlog.rules.telling import describe, explain, summarize

TYPES = {"scan": VULNS, "tests": TESTS, "plain": "https://a.example/said", "vex": VEX}
WRITERS = {**SIGNERS, "mallory": MALLORY}
TODAY = TIME_S // DAY_S
NAMES = sorted(SIGNERS)

days = st.integers(TODAY - 2, TODAY + 2)
moments = st.integers(-3, 3).map(lambda it: TIME_S + it * DAY_S // 2)
terms = st.builds(KeyTerms, st.none() | days, st.none() | st.integers(0, 6)) | st.just(
    KeyTerms()
)
asks = st.builds(
    Ask,
    st.sampled_from(["scan", "tests", "plain"]),
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    st.integers(1, 2),
    st.none() | st.integers(1, 2),
    st.sampled_from(["witness", "claimed"]),
    st.booleans(),
)
papers = st.builds(
    Told,
    st.sampled_from(sorted(TYPES)),
    # The entry names the first of them: a stranger there would make it a stranger's.
    st.lists(st.sampled_from([*NAMES, "mallory"]), min_size=1, unique=True).map(
        lambda it: tuple(sorted(it))
    ),
    st.integers(0, 6),
    moments,
    st.none() | moments,
    st.booleans(),
    # Most are of the artifact: few would say anything else.
    st.sampled_from([True, True, True, False]),
)
passes = st.lists(st.builds(Pass, days, st.booleans()), max_size=1)


def spelled(known: dict[str, KeyTerms], asked: list[Ask], excused: list[Pass]) -> str:
    """Return the rules as TOML."""
    text = keys(**{name: it.toml() for name, it in known.items()})
    for number, ask in enumerate(asked):
        text += (
            f'[[require]]\nname = "{number}"\npredicate_types = ["{TYPES[ask.kind]}"]\n'
        )
        text += f"signers = {list(ask.signers)}\nthreshold = {ask.threshold}\n"
        if ask.max_days is not None:
            text += f'max_age = "{ask.max_days}d"\nclock = "{ask.clock}"\n'
        if ask.kind == "scan":
            text += 'no_vulnerability_above = "high"\n'
            text += 'vex_signers = ["carol"]\n' if ask.takes_vex else ""
        if ask.kind == "tests":
            text += 'tests = "passed"\n'
    for one in excused:
        day = at(one.last_day * DAY_S)[:10]
        text += WAIVED % (ARTIFACT_SHA256.hex(), day)
        text += 'requirements = ["0"]\n' if one.only_first else ""
    return text


def written(paper: Told) -> Paper:
    """Return a document as its author writes it."""
    claimed = "" if paper.claimed_s is None else at(paper.claimed_s)
    predicates = {
        "scan": scan(("CVE-1", "critical" if paper.bad else "low"), finished=claimed),
        "tests": {"result": "FAILED" if paper.bad else "PASSED"},
        "plain": {"a": 1},
        "vex": vex("CVE-1", "fixed"),
    }
    return Paper(
        TYPES[paper.kind],
        predicates[paper.kind],
        tuple(WRITERS[it] for it in paper.signers),
        paper.index,
        paper.seen_s,
        ARTIFACT_SHA256.hex() if paper.of_it else OTHER_SHA256,
    )


def known_time(paper: Told) -> Told:
    """Return what the textbook may know: only scans have a place for their time."""
    if paper.kind == "scan":
        return paper
    return Told(
        paper.kind,
        paper.signers,
        paper.index,
        paper.seen_s,
        None,
        paper.bad,
        paper.of_it,
    )


@thorough
@given(
    st.fixed_dictionaries(dict.fromkeys(NAMES, terms)),
    st.lists(asks, min_size=1, max_size=3),
    st.lists(papers, max_size=4),
    passes,
    moments,
    st.integers(0, 4 * DAY_S),
)
def test_the_judge_says_what_the_textbook_says(
    keyring: Path,
    known: dict[str, KeyTerms],
    asked: list[Ask],
    told: list[Told],
    excused: list[Pass],
    now_s: int,
    later_s: int,
) -> None:
    assume(all(it.threshold <= len(it.signers) for it in asked))
    text = spelled(known, asked, excused)
    documents = [written(it) for it in told]
    facts = [known_time(it) for it in told]
    verdict = decided(keyring, text, *documents, now_s=now_s)
    assert is_allowed(known, asked, facts, excused, now_s) == verdict.allowed
    assert verdict.allowed == (not verdict.reasons)
    describe(verdict), summarize(verdict), list(explain(verdict))
    # Until it expires, time alone does not change it.
    then_s = now_s + later_s
    if verdict.expires_s is None or then_s < verdict.expires_s:
        again = decided(keyring, text, *documents, now_s=then_s)
        assert verdict.outcomes == again.outcomes
        assert is_allowed(known, asked, facts, excused, then_s) == verdict.allowed


GOOD = Paper(VULNS, scan(("CVE-1", "low")))
PROOF = GOOD.proof
ENVELOPE = GOOD.attestation.envelope


@thorough
@given(
    near_misses(ENVELOPE) | any_bytes | st.just(ENVELOPE),
    near_misses(PROOF) | any_bytes | st.just(PROOF),
    any_bytes,
)
def test_whatever_the_documents_a_verdict_comes_out(
    keyring: Path, envelope: bytes, proof: bytes, bundle: bytes
) -> None:
    text = spelled({it: KeyTerms() for it in NAMES}, [SCAN], [])
    rules = parse_rules(text.encode(), keyring)
    documents: list[Document] = [Attested("a", envelope, proof), Bundled("b", bundle)]
    verdict = decide(ARTIFACT_SHA256, documents, rules, Trust(POLICY), TIME_S)
    assert (
        (envelope, proof) == (ENVELOPE, PROOF)
        or not verdict.allowed
        or (
            # What a reader passes over may differ: another spelling of the same proof.
            envelope == ENVELOPE
        )
    )


SCAN = Ask("scan", ("alice",), 1, None, "", False)

MEMBERS = (
    *("scanner", "result", "severity", "id", "score", "vulnerability", "metadata"),
    *("scanFinishedOn", "timestamp", "statements", "status", "products", "components"),
    *("bomFormat", "packages", "name", "licenses", "failedTests", "verifier", "policy"),
)
predicates = json_objects(MEMBERS, [None, True, False, 0, "", "a", "2026", "1"], 3)


@thorough
@given(st.sampled_from(sorted(TYPES)), predicates)
def test_whatever_a_signer_says_a_verdict_comes_out(
    keyring: Path, kind: str, predicate: object
) -> None:
    asked = [SCAN, Ask("tests", ("alice",), 1, 1, "claimed", True)]
    text = spelled({it: KeyTerms() for it in NAMES}, asked, [])
    verdict = decided(keyring, text, Paper(TYPES[kind], predicate), now_s=TIME_S)
    assert not verdict.allowed
