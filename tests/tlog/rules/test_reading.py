"""Files of rules: every name, every refusal, and today's files as they were."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given

from tests.docs.documents import DOCS, blocks
from tests.support.cases import case, in_one_test
from tests.tlog.rules.workshop import (
    BUILD,
    CYCLONEDX,
    NOW,
    SCANNED,
    VSA,
    VULNS,
    WAIVED,
    block,
    keys,
)
from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    BUILDER,
    RULES,
    SLSA,
    SOURCE,
    Attestation,
    provenance,
    write_rules,
)
from tests.tlogverify.attestation.test_rules import PLAIN
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlog.rules import Attested, Trust, decide, parse_rules, read_rules
from tlog.rules.ruleset import Conditions
from tlogverify.attestation import Rules, verify_attestation
from tlogverify.errors import FormatError, TlogError

IDENTITY = """
[[identities]]
name = "ci"
issuer = "https://issuer.example"
san_prefix = "https://git.example/team/"
"""
WHOLE = (
    keys(alice="not_after = 2027-01-01\nrevoked_from = 7\nrevoked_log = 'log.example'")
    + IDENTITY
    + BUILD
    + block(
        VULNS,
        "bob",
        "ci",
        lines='threshold = 2\nmax_age = "12h"\nclock = "tsa"\n'
        'no_vulnerability_above = "low"\nvex_signers = ["carol"]',
    )
    + block(CYCLONEDX, "ci", lines='packages_denied = ["a"]\nlicenses_denied = ["b"]')
    + block(
        VSA,
        "ci",
        lines=f'verifier = "v:1"\npolicy_digest = "sha256:{"ab" * 32}"',
    )
    + WAIVED % ("cd" * 32, "2026-12-31")
    + 'requirements = ["build"]\n'
)


def test_every_name_of_the_rules_is_read(keyring: Path) -> None:
    rules = parse_rules(WHOLE.encode(), keyring)
    key = rules.keys[0]
    # The first second of 2027-01-02 in UTC.
    assert (1_798_848_000, 7, "log.example") == (
        key.end_s,
        key.revoked_from,
        key.revoked_log,
    )
    identity = rules.identities[0]
    assert identity.names("https://git.example/team/a", "https://issuer.example")
    build, scan, sbom, summary = rules.requirements
    assert ("build", ("alice",), (BUILDER,)) == (
        build.name,
        build.signers,
        build.builders,
    )
    assert (2, 43_200, "tsa") == (scan.threshold, scan.max_age_s, scan.clock)
    assert Conditions("low", ("carol",)) == scan.conditions
    assert (("a",), ("b",)) == (
        sbom.conditions.packages_denied,
        sbom.conditions.licenses_denied,
    )
    assert ("v:1", "ab" * 32) == (
        summary.conditions.verifier,
        summary.conditions.policy_digest,
    )
    (exemption,) = rules.exceptions
    assert (bytes.fromhex("cd" * 32), ("build",), 1_798_761_600) == (
        exemption.digest,
        exemption.requirements,
        exemption.end_s,
    )


@in_one_test(
    ("old", "new", "why"),
    [
        ('name = "bob"', 'name = "alice"', "a name of its own"),
        ('file = "bob.pub"', 'file = "alice.pub"', "each key once"),
        ('signers = ["alice"]', "", "at least one"),
        ('signers = ["alice"]', 'signers = ["dave"]', "no key and no identity"),
        ('signers = ["alice"]', 'signers = ["alice", "alice"]', "different names"),
        ('["carol"]', '["dave"]', "no key and no identity"),
        ("threshold = 2", "threshold = 3", "1 to the number of signers"),
        ("threshold = 2", "threshold = 0", "1 to the number of signers"),
        ("threshold = 2", "threshold = true", "threshold is a number"),
        ('clock = "tsa"', "", "max_age and clock go together"),
        ('max_age = "12h"', "", "max_age and clock go together"),
        ('max_age = "12h"', "max_age = 12", "is a number and d, h, m or s"),
        ('max_age = "12h"', 'max_age = "0h"', "is a number and d, h, m or s"),
        ('clock = "tsa"', 'clock = "sundial"', "clock is one of"),
        ('"low"', '"lower"', "no_vulnerability_above is one of"),
        ('no_vulnerability_above = "low"', "", "vex_signers go with"),
        ('verifier = "v:1"', "", "verifier and policy_digest"),
        ("sha256:abab", "abab", "64 lower-case hex"),
        ("sha256:abab", "sha256:", "64 lower-case hex"),
        ('packages_denied = ["a"]', "packages_denied = []", "1 to 256"),
        ('packages_denied = ["a"]', 'packages_denied = ["pkg:a"]', "type and a name"),
        ('packages_denied = ["a"]', 'package_denied = ["a"]', "unknown name"),
        ('packages_denied = ["a"]', 'tests = "failed"', 'tests are "passed"'),
        ("not_after = 2027-01-01", "not_after = '2027-01-01'", "without quotes"),
        ("not_after = 2027-01-01", "not_after = 2027-01-01T00:00:00", "its zone"),
        ("not_after = 2027-01-01", "not_after = 9999-12-31", "a time that there is"),
        ("revoked_from = 7", "revoked_from = -1", "index of an entry"),
        ("revoked_from = 7", "revoked_from = true", "index of an entry"),
        ("revoked_from = 7", "", "revoked_log goes with"),
        ('issuer = "https://issuer.example"', "", "has an issuer"),
        ("san_prefix =", "san =", ""),
        ('team/"', 'team"', "ends with / or @"),
        ("san_prefix =", 'san = "a"\nsan_prefix =', "either a san"),
        ("until = 2026-12-31", "", "a reason, an approved_by and an until"),
        ('approved_by = "duty@example.org"', "", "a reason, an approved_by"),
        ('digest = "sha256:cd', 'source = "s"\ndigest = "sha256:cd', "either a digest"),
        ('requirements = ["build"]', 'requirements = ["x"]', "a [[require]] here"),
        ('name = "build"', f'name = "{VULNS}"', "a name of its own"),
        ('name = "build"', 'name = " "', "visible characters"),
        (f'builders = ["{BUILDER}"]', "", "builders for every key"),
        (f'sources = ["{SOURCE}"]', "", "name sources"),
        ('[[require]]\nname = "build"', "threshold = 1\n[[require]]", "unknown"),
        ("[[identities]]", "[[identity]]", "unknown"),
        ("[[exception]]", "[exception]", "[[exception]], 1 to 256"),
    ],
)
def test_rules_that_say_nothing_or_too_much_are_refused(
    keyring: Path, old: str, new: str, why: str
) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1).encode()
    if not why:
        parse_rules(text, keyring)
        return
    with pytest.raises(FormatError) as refused:
        parse_rules(text, keyring)
    assert why in str(refused.value)


def test_two_identities_that_cover_each_other_count_once(keyring: Path) -> None:
    inner = IDENTITY.replace('"ci"', '"inner"').replace("team/", "team/app/")
    text = keys() + IDENTITY + inner + block(VULNS, "ci", "inner")
    with pytest.raises(FormatError, match="cover each other"):
        parse_rules(text.encode(), keyring)
    elsewhere = text.replace("issuer.example", "other.example", 1)
    assert 2 == len(parse_rules(elsewhere.encode(), keyring).identities)


def test_the_digest_of_rules_is_of_their_keys_too(tmp_path: Path) -> None:
    path = write_rules(tmp_path)
    first = read_rules(path).sha256
    digests = [path.read_bytes(), ALICE.spki]
    parts = b"".join(hashlib.sha256(it).digest() for it in digests)
    assert hashlib.sha256(b"tlog rules v1\n" + parts).digest() == first
    (tmp_path / "alice.pub").write_bytes(BOB.pem)
    assert first != read_rules(path).sha256


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(SCANNED, id="require"),
        pytest.param(RULES + 'name = "a"\n', id="key-name"),
        pytest.param(RULES + "not_after = 2027-01-01\n", id="key-end"),
        pytest.param('max_age = "7d"\n' + RULES, id="age"),
        pytest.param(RULES + WAIVED % ("ab" * 32, "2027-01-01"), id="exception"),
    ],
)
def test_the_verifier_refuses_what_it_does_not_judge(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match="is judged by `tlog verify` of tlog-server"):
        Rules.read(write_rules(tmp_path, text))


# Today's files: those of the verifier's tests, with what makes each say something.
TODAY = [
    RULES,
    RULES.replace(
        "sources", "build_types = ['https://builds.example/make/v1']\nsources"
    ),
    RULES.replace("sources", "build_types = ['t:1']\nsources"),
    RULES.replace(f'sources = ["{SOURCE}"]', "any_source = true"),
    RULES.replace("sources", "source_prefixes").replace("team/app", "team"),
    RULES.replace("sources", "source_prefixes").replace("team/app", "other/"),
    RULES.replace(BUILDER, "https://other.example"),
    RULES + f'builders = ["{BUILDER}"]\n',
    RULES + 'builders = ["https://other.example"]\n',
    RULES + '[[keys]]\nfile = "bob.pub"\n',
    "threshold = 2\n" + RULES + '[[keys]]\nfile = "bob.pub"\n',
    RULES.replace("alice", "bob"),
    'ignored_parameters = ["ref"]\n' + RULES,
    RULES + '[parameters]\nref = ["main"]\n',
    PLAIN + '[[keys]]\nfile = "alice.pub"\n',
    f'predicate_types = ["{VULNS}", "{CYCLONEDX}"]\n[[keys]]\nfile = "alice.pub"\n',
]
PAPERS = [
    Attestation(),
    Attestation(signers=(ALICE, BOB)),
    Attestation(signers=(BOB,)),
    Attestation(predicate=provenance(ref="main")),
    Attestation(predicate=provenance(ref="other")),
    Attestation(predicate_type=VULNS, predicate={}),
    Attestation(predicate_type=CYCLONEDX, predicate={"a": 1}),
    Attestation(subjects=({"digest": {"sha256": "ab" * 32}},)),
    Attestation(logged_as=(("signer", {"sha256": "ab" * 32}),)),
]


def test_todays_rules_have_todays_verdicts(tmp_path: Path) -> None:
    documented = [
        it.text
        for name in ("attestations.md",)
        for it in blocks(DOCS / name)
        if it.language == "toml"
    ]
    for name in ("release.key.pub", "second.pub"):
        signer = ALICE if name == "second.pub" else BOB
        (tmp_path / name).write_bytes(signer.pem)
    verdicts = set()
    for text in (*TODAY, *documented):
        path = write_rules(tmp_path, text)
        for paper in PAPERS:
            proof, envelope = paper.story.proof, paper.envelope
            try:
                verify_attestation(
                    ARTIFACT_SHA256, envelope, proof, POLICY, Rules.read(path)
                )
                expected = True
            except TlogError:
                expected = False
            document = Attested("it", envelope, proof.encode())
            with case(f"{text}\n{paper}"):
                rules = read_rules(path)
                verdict = decide(ARTIFACT_SHA256, [document], rules, Trust(POLICY), NOW)
                assert expected == verdict.allowed
            verdicts.add(expected)
    assert {True, False} == verdicts


def test_todays_refusals_are_todays(tmp_path: Path) -> None:
    folder = write_rules(tmp_path).parent
    for text in ("", "threshold = 9\n" + RULES, RULES + RULES, RULES + "path = 'x'\n"):
        with pytest.raises(FormatError) as todays:
            Rules.parse(text.encode(), folder)
        with pytest.raises(FormatError) as found:
            parse_rules(text.encode(), folder)
        assert str(todays.value) == str(found.value)


def test_a_file_without_blocks_is_one_block_of_all_its_signers(keyring: Path) -> None:
    text = f'predicate_types = ["{VULNS}"]\ntests = "passed"\nthreshold = 2\n'
    rules = parse_rules((text + keys() + IDENTITY).encode(), keyring)
    (requirement,) = rules.requirements
    assert ("alice", "bob", "carol", "ci") == requirement.signers
    assert (2, VULNS) == (requirement.threshold, requirement.name)


@thorough
@given(any_bytes | near_misses(WHOLE.encode()) | near_misses(SLSA.encode()))
def test_whatever_the_rules_only_these_errors_come_out(text: bytes) -> None:
    try:
        parse_rules(text, Path("nowhere"))
    except (FormatError, OSError):
        return


INLINE = "".join(
    f"[[keys]]\nname = '{name}'\npem = '''{signer.pem.decode()}'''\n"
    for name, signer in {"alice": ALICE, "bob": BOB}.items()
)
BEHIND = WHOLE[len(WHOLE.split("[[identities]]", maxsplit=1)[0]) :]
CAROLLESS = BEHIND.replace('"carol"', '"alice"')


def test_the_rules_below_can_be_read() -> None:
    parse_rules((INLINE + CAROLLESS).encode(), Path("nowhere"))


@thorough
@given(near_misses((CAROLLESS).encode()))
def test_whatever_stands_behind_the_keys_only_these_errors_come_out(
    text: bytes,
) -> None:
    try:
        parse_rules(INLINE.encode() + text, Path("nowhere"))
    except (FormatError, OSError):
        return
