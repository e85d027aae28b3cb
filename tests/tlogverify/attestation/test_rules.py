from pathlib import Path

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.attestation.stories import (
    ALICE,
    BUILDER,
    RULES,
    SBOM,
    SLSA,
    SOURCE,
    write_rules,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.attestation.rules import MAX_RULES_BYTES, Rules
from tlogverify.errors import FormatError

KEY = '[[keys]]\nfile = "alice.pub"\n'
SECOND = '[[keys]]\nfile = "bob.pub"\n'


BACKFILL = 'predicate_types = ["urn:tlog:backfill:v1"]\n'


def read(folder: Path, text: str) -> Rules:
    return Rules.read(write_rules(folder, text))


def test_rules_are_read_with_keys_beside_them(tmp_path: Path) -> None:
    rules = read(tmp_path, RULES)
    assert ((ALICE.spki, (BUILDER,)),) == tuple(
        (it.key.spki, it.builders) for it in rules.keys
    )
    assert (1, (SLSA,), (SOURCE,)) == (
        rules.threshold,
        rules.predicate_types,
        rules.sources,
    )
    assert rules.parameters is None


def test_backfilled_records_are_taken_where_rules_say_so(tmp_path: Path) -> None:
    rules = read(tmp_path, f"allow_backfill = true\n{BACKFILL}{KEY}")
    assert ("urn:tlog:backfill:v1",) == rules.predicate_types


def test_every_name_of_the_rules_is_read(tmp_path: Path) -> None:
    text = f"""
threshold = 2
predicate_types = ["{SLSA}"]
builders = ["b:1", "b:2"]
build_types = ["t:1"]
sources = ["s:1"]
source_prefixes = ["https://git.example/team/"]
any_source = false
ignored_parameters = ["inputs.verbose"]

[parameters]
ref = ["refs/heads/main"]
"workflow.path" = ["a", "b"]

[[keys]]
pem = '''{ALICE.pem.decode()}'''
builders = ["b:3"]

[[keys]]
file = "bob.pub"
"""
    rules = read(tmp_path, text)
    assert [("b:3",), ("b:1", "b:2")] == [it.builders for it in rules.keys]
    assert (2, ("t:1",)) == (rules.threshold, rules.build_types)
    assert ("inputs.verbose",) == rules.ignored_parameters
    assert {
        "ref": ("refs/heads/main",),
        "workflow.path": ("a", "b"),
    } == rules.parameters


def test_parameters_that_are_ignored_alone_expect_no_other(tmp_path: Path) -> None:
    ignoring = 'ignored_parameters = ["ref"]\n' + RULES
    assert {} == read(tmp_path, ignoring).parameters


def test_rules_for_other_predicates_need_no_builder(tmp_path: Path) -> None:
    rules = read(tmp_path, f'predicate_types = ["{SBOM}"]\n{KEY}')
    assert () == rules.keys[0].builders


PLAIN = f'predicate_types = ["{SLSA}"]\nbuilders = ["b"]\nsources = ["s"]\n'
OTHER = f'predicate_types = ["{SBOM}"]\n'


@in_one_test(
    ("text", "why"),
    [
        pytest.param("# nothing", r"rules have \[\[keys\]\]", id="nothing"),
        pytest.param(PLAIN, r"rules have \[\[keys\]\]", id="no-keys"),
        pytest.param("keys = []\n" + PLAIN, r"\[\[keys\]\]", id="empty-keys"),
        pytest.param("keys = 1\n" + PLAIN, r"\[\[keys\]\]", id="keys-are-a-number"),
        pytest.param("keys = [1]\n" + PLAIN, "a key is a table", id="key-is-a-number"),
        pytest.param(PLAIN + KEY * 17, "1 to 16", id="17-keys"),
        pytest.param(PLAIN + KEY * 2, "different keys", id="key-twice"),
        pytest.param("threshold = 0\n" + PLAIN + KEY, "threshold", id="threshold-0"),
        pytest.param("threshold = 2\n" + PLAIN + KEY, "threshold", id="threshold-2"),
        pytest.param("threshold = true\n" + PLAIN + KEY, "threshold", id="true"),
        pytest.param("threshold = '1'\n" + PLAIN + KEY, "threshold", id="text"),
        pytest.param("any_source = 1\n" + PLAIN + KEY, "any_source", id="number"),
        pytest.param(
            "allow_backfill = 1\n" + PLAIN + KEY, "allow_backfill are", id="backfill-1"
        ),
        pytest.param(
            "allow_backfill = true\n" + PLAIN + KEY, "goes with", id="backfill-of-none"
        ),
        pytest.param(f"{BACKFILL}{KEY}", "goes with", id="backfill-not-allowed"),
        pytest.param(
            f"allow_backfill = false\n{BACKFILL}{KEY}",
            "goes with",
            id="backfill-not-allowed-in-words",
        ),
        pytest.param("builders=['b']\n" + KEY, "predicate_types", id="no-type"),
        pytest.param("predicate_types = []\n" + KEY, "1 to 256", id="empty-type"),
        pytest.param("predicate_types = ''\n" + KEY, "1 to 256", id="text-type"),
        pytest.param("predicate_types = [1]\n" + KEY, "not empty", id="numeric-type"),
        pytest.param("predicate_types = ['']\n" + KEY, "not empty", id="blank-type"),
        pytest.param("build_type = ['x']\n" + PLAIN + KEY, "unknown", id="mistyped"),
        pytest.param(PLAIN + KEY + "path = 'x'\n", "unknown", id="mistyped-in-key"),
        pytest.param(PLAIN + KEY + "pem = 'x'\n", "either", id="file-and-pem"),
        pytest.param(PLAIN + "[[keys]]\n", "either", id="neither"),
        pytest.param(PLAIN + "[[keys]]\nfile = 1\n", "either", id="file-is-a-number"),
        pytest.param(
            PLAIN + '[[keys]]\nfile = "a\\u0000"\n', "either", id="null-in-file"
        ),
        pytest.param(PLAIN + "[[keys]]\npem = 'x'\n", "PUBLIC KEY", id="no-pem"),
        pytest.param(
            f'predicate_types = ["{SLSA}"]\nsources = ["s"]\n' + KEY,
            "builders for every key",
            id="no-builders",
        ),
        pytest.param(
            f'predicate_types = ["{SLSA}"]\nsources = ["s"]\n'
            + KEY
            + 'builders = ["b"]\n'
            + SECOND,
            "builders for every key",
            id="a-key-without-builders",
        ),
        pytest.param(
            f'predicate_types = ["{SLSA}"]\nbuilders = ["b"]\n' + KEY,
            "name sources",
            id="no-source",
        ),
        pytest.param(
            "any_source = true\n" + PLAIN + KEY, "name sources", id="source-and-any"
        ),
        pytest.param(
            f'predicate_types = ["{SLSA}", "{SBOM}"]\nbuilders = ["b"]\n' + KEY,
            "no other predicate type",
            id="two-types",
        ),
        *(
            pytest.param(
                f'predicate_types = ["https://slsa.dev/provenance{other}"]\n' + KEY,
                "judged in one version",
                id=f"provenance{other.replace('/', '-')}",
            )
            for other in ("/v0.2", "/v1.0", "/v1/", "")
        ),
        pytest.param(
            'sources = ["s"]\n' + OTHER + KEY, "rules for builds", id="sbom-source"
        ),
        pytest.param(
            'builders = ["s"]\n' + OTHER + KEY, "rules for builds", id="sbom-builder"
        ),
        pytest.param(
            "any_source = true\n" + OTHER + KEY, "rules for builds", id="sbom-any"
        ),
        pytest.param(
            OTHER + '[parameters]\na = ["b"]\n' + KEY, "rules for builds", id="sbom-par"
        ),
        pytest.param("parameters = 1\n" + PLAIN + KEY, "a table", id="parameters"),
        pytest.param(
            PLAIN + '[parameters]\nref = "x"\n' + KEY, "ref has 1 to", id="not-a-list"
        ),
        pytest.param("a = \n", "TOML", id="no-toml"),
        pytest.param("a = " + "9" * 5000, "TOML", id="many-digits"),
        pytest.param("a = " + "[" * 50_000, "at most 16 levels", id="deep"),
        pytest.param("a." * 12_000 + "a = 1", "at most 16 levels", id="deep-key"),
        pytest.param("#" * (MAX_RULES_BYTES + 1), "at most", id="large"),
    ],
)
def test_rules_that_let_through_or_say_nothing_are_refused(
    tmp_path: Path, text: str, why: str
) -> None:
    with pytest.raises(FormatError, match=why):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f'[[require]]\npredicate_types = ["{SBOM}"]\n', "require"),
        ('max_age = "7d"\n' + RULES, "max_age"),
        (RULES + 'name = "a"\n', "name"),
        (RULES + "not_after = 2027-01-01\n", "not_after"),
        (RULES + '[[exception]]\nreason = "a"\n', "exception"),
    ],
)
def test_rules_that_others_judge_are_refused_with_the_next_step(
    tmp_path: Path, text: str, name: str
) -> None:
    with pytest.raises(FormatError, match=f"{name} is judged by `tlog verify`"):
        read(tmp_path, text)


@pytest.mark.parametrize("keys", ["keys = 1\n", "keys = [1]\n"])
def test_keys_that_are_no_tables_are_told_as_such(tmp_path: Path, keys: str) -> None:
    with pytest.raises(FormatError, match=r"\[\[keys\]\]|a key is a table"):
        read(tmp_path, keys + PLAIN)


def test_a_key_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path, PLAIN + '[[keys]]\nfile = "missing.pub"\n')


@pytest.mark.parametrize(
    "prefix",
    [
        "https://git.example",
        "https:/git.example/",
        "git.example/team/",
        "https://user@git.example/",
        "https:///team/",
        "https://git.example/team?x",
        "https://git.example/../",
        "https://git.example/%2e%2e/",
        "https://git.example/a b/",
        "",
    ],
)
def test_a_prefix_without_a_clear_border_is_refused(
    tmp_path: Path, prefix: str
) -> None:
    text = RULES.replace("sources", "source_prefixes").replace(SOURCE, prefix)
    with pytest.raises(FormatError, match=r"source_prefixes|source prefix"):
        read(tmp_path, text)


@in_one_test(
    ("prefix", "uri", "is_allowed"),
    [
        ("https://g.example/team", "https://g.example/team", True),
        ("https://g.example/team", "https://g.example/team/app", True),
        ("https://g.example/team", "https://g.example/team@refs/heads/main", True),
        ("https://g.example/team", "https://g.example/team#main", True),
        ("https://g.example/team", "https://g.example/team?ref=main", True),
        ("https://g.example/team", "https://g.example/team-evil/app", False),
        ("https://g.example/team", "https://g.example/tea", False),
        ("https://g.example/team", "https://g.example/team/../evil", False),
        ("https://g.example/team", "https://g.example/team/..", False),
        ("https://g.example/team", "https://g.example/team/%2e%2e/evil", False),
        ("https://g.example/team", "https://g.example/team\\..\\evil", False),
        ("https://g.example/team", "https://g.example/team/..;/evil", False),
        ("https://g.example/team", "https://g.example/team/..;x=y/evil", False),
        ("https://g.example/team", "https://g.example/team/.;/evil", False),
        ("https://g.example/team", "https://g.example/team/a;b", True),
        ("https://g.example/team", "https://g.example/team/\x00", False),
        ("https://g.example/team", "https://g.example/team/\u2025", False),
        ("https://g.example/team", "https://G.example/team", False),
        ("https://g.example/team/", "https://g.example/team", False),
        ("https://g.example/team/", "https://g.example/team/app", True),
        ("https://g.example/", "https://g.example@evil.example/", False),
        ("https://g.example/", "https://g.example.evil.example/", False),
    ],
)
def test_a_source_is_below_a_prefix_or_not(
    tmp_path: Path, prefix: str, uri: str, is_allowed: bool
) -> None:
    text = RULES.replace("sources", "source_prefixes").replace(SOURCE, prefix)
    assert is_allowed == read(tmp_path, text).allows_source(uri)


def test_a_named_source_is_that_one_alone(tmp_path: Path) -> None:
    rules = read(tmp_path, RULES)
    assert rules.allows_source(SOURCE)
    for other in (f"{SOURCE}/", f"{SOURCE}@refs/heads/main", SOURCE[:-1], ""):
        assert not rules.allows_source(other)


def test_any_source_is_any_source(tmp_path: Path) -> None:
    text = RULES.replace(f'sources = ["{SOURCE}"]', "any_source = true")
    assert read(tmp_path, text).allows_source("anything")


@thorough
@given(any_bytes | near_misses(RULES.encode()))
def test_whatever_the_rules_only_these_errors_come_out(text: bytes) -> None:
    try:
        Rules.parse(text, Path("nowhere"))
    except (FormatError, OSError):
        return


@pytest.mark.parametrize(
    "text",
    [
        RULES + '\n[[require]]\nname = "provenance"\n',
        RULES.replace("[[keys]]", '[[keys]]\nname = "alice"', 1),
    ],
)
def test_rules_for_the_server_are_refused_with_the_next_step(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(FormatError, match="judged by `tlog verify` of tlog-server"):
        read(tmp_path, text)
