"""in-toto statements v1; the examples are those of its documents."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.attestation.stories import IN_TOTO, provenance
from tests.tlogverify.strategies import json_objects, thorough
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.slsa import read_provenance
from tlogverify.attestation.statement import Statement, parse_statement
from tlogverify.errors import FormatError

# Statement and predicate as the in-toto and SLSA documents lay them out.
EXAMPLE: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [
        {"name": "<NAME>", "digest": {"sha256": "ab" * 32, "sha512": "1234"}},
        {"digest": {"gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"}},
    ],
    "predicateType": "https://slsa.dev/provenance/v1",
    "predicate": {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {
                "workflow": {
                    "ref": "refs/heads/main",
                    "repository": "https://github.com/octocat/hello-world",
                    "path": ".github/workflows/release.yml",
                },
                "inputs": {"retries": 3, "quiet": False, "none": None, "empty": {}},
            },
            "resolvedDependencies": [
                {
                    "uri": "git+https://github.com/octocat/hello-world@refs/heads/main",
                    "digest": {"gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"},
                }
            ],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/actions/runner/github-hosted"},
            "metadata": {"invocationId": "https://github.com/octocat/runs/1"},
        },
    },
}


def parse(document: object, payload_type: str = IN_TOTO) -> Statement:
    return parse_statement(Envelope(payload_type, json.dumps(document).encode(), ()))


def test_a_statement_is_read() -> None:
    statement = parse(EXAMPLE)
    assert [("<NAME>", bytes.fromhex("ab" * 32)), ("", None)] == [
        (subject.name, subject.sha256) for subject in statement.subjects
    ]
    assert EXAMPLE["predicateType"] == statement.predicate_type
    assert EXAMPLE["predicate"] == statement.predicate
    assert statement.names({"sha256": bytes.fromhex("ab" * 32)})
    assert not statement.names({"sha256": bytes.fromhex("ba" * 32)})


@pytest.mark.parametrize("predicate", [{}, None])
def test_an_unset_predicate_is_an_empty_one(predicate: object) -> None:
    assert {} == parse(EXAMPLE | {"predicate": predicate}).predicate


@pytest.mark.parametrize(
    ("payload_type", "is_taken"),
    [
        ("application/vnd.in-toto+json", True),
        ("application/vnd.in-toto.provenance+json", True),
        ("application/vnd.in-toto.+json", False),
        ("application/vnd.in-toto+json ", False),
        ("application/vnd.in-toto-json", False),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_payload_type_says_that_it_is_in_toto(
    payload_type: str, is_taken: bool
) -> None:
    if is_taken:
        assert parse(EXAMPLE, payload_type).subjects
    else:
        with pytest.raises(FormatError, match="the payload is"):
            parse(EXAMPLE, payload_type)


SUBJECT = EXAMPLE["subject"][0]


@in_one_test(
    ("change", "why"),
    [
        *(
            pytest.param(
                {"_type": f"https://in-toto.io/Statement{other}"},
                "Statement/v1",
                id=f"version{other.replace('/', '-')}",
            )
            for other in ("/v0.2", "/v0.1/", "/v0x1", "/v0", "/v1.0", "")
        ),
        pytest.param({"_type": None}, "Statement/v1", id="no-type"),
        pytest.param({"subject": []}, "has a subject", id="no-subject"),
        pytest.param({"subject": None}, "subject, an array", id="null-subject"),
        pytest.param({"subject": [1]}, "JSON object", id="no-object"),
        pytest.param({"subject": [SUBJECT] * 1025}, "at most 1024", id="many"),
        pytest.param({"subject": [{"name": "a"}]}, "has a digest", id="no-digest"),
        pytest.param({"subject": [{"digest": {}}]}, "has a digest", id="empty-digest"),
        pytest.param(
            {"subject": [{"digest": {"sha256": "AB" * 32}}]}, "64 lower", id="upper"
        ),
        pytest.param(
            {"subject": [{"digest": {"sha256": "ab" * 31}}]}, "64 lower", id="short"
        ),
        pytest.param(
            {"subject": [{"digest": {"sha256": 7}}]}, "is a string", id="number"
        ),
        pytest.param({"predicateType": ""}, "predicateType", id="no-predicate-type"),
        pytest.param({"predicateType": 1}, "a string", id="numeric-type"),
        pytest.param({"predicate": []}, "JSON object", id="array-predicate"),
    ],
)
def test_a_broken_statement_is_refused_by_its_rule(
    change: dict[str, object], why: str
) -> None:
    with pytest.raises(FormatError, match=why):
        parse(EXAMPLE | change)


def test_a_payload_with_a_member_twice_is_refused() -> None:
    twice = json.dumps(EXAMPLE).replace('"_type"', '"subject": [], "_type"', 1)
    with pytest.raises(FormatError, match="a member stands here twice"):
        parse_statement(Envelope(IN_TOTO, twice.encode(), ()))


def test_provenance_is_read_by_dotted_paths() -> None:
    found = read_provenance(EXAMPLE["predicate"])
    assert "https://github.com/actions/runner/github-hosted" == found.builder
    assert "https://actions.github.io/buildtypes/workflow/v1" == found.build_type
    assert "https://github.com/octocat/runs/1" == found.invocation
    assert ("https://github.com/octocat/hello-world",) == found.sources
    assert (
        ("workflow.ref", "refs/heads/main"),
        ("workflow.repository", "https://github.com/octocat/hello-world"),
        ("workflow.path", ".github/workflows/release.yml"),
        ("inputs.retries", ""),
        ("inputs.quiet", ""),
    ) == found.parameters


def test_a_dependency_is_no_source() -> None:
    predicate = provenance()
    definition = predicate["buildDefinition"]
    assert isinstance(definition, dict)
    definition["externalParameters"] = {}
    assert () == read_provenance(predicate).sources


@pytest.mark.parametrize(
    ("external", "sources"),
    [
        ({"source": "a"}, ("a",)),
        ({"source": {"uri": "a", "digest": {"sha1": "b"}}}, ("a",)),
        ({"repository": "a", "source": "b"}, ("a", "b")),
        ({"source": ["a"]}, ("",)),
        ({"source": ""}, ()),
        ({"source.uri": "a"}, ()),
        ({"other": {"source": "a"}}, ()),
    ],
)
def test_a_source_is_every_uri_in_its_places(
    external: dict[str, object], sources: tuple[str, ...]
) -> None:
    predicate: dict[str, Any] = provenance()
    predicate["buildDefinition"]["externalParameters"] = external
    assert sources == read_provenance(predicate).sources


def test_deep_parameters_end_somewhere() -> None:
    deep: dict[str, object] = {"a": "b"}
    for _ in range(20):
        deep = {"a": deep}
    predicate: dict[str, Any] = provenance()
    predicate["buildDefinition"]["externalParameters"] = deep
    assert [".".join("a" * 9)] == [
        it[0] for it in read_provenance(predicate).parameters
    ]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"runDetails": {}}, id="no-builder"),
        pytest.param({"runDetails": {"builder": {"id": ""}}}, id="empty-builder"),
        pytest.param({"runDetails": {"builder": {"id": 1}}}, id="number"),
        pytest.param({"runDetails": {"builder": "x"}}, id="builder-is-text"),
        pytest.param({"buildDefinition": {}}, id="no-build-type"),
        pytest.param({"buildDefinition": []}, id="array"),
        pytest.param(
            {
                "buildDefinition": {
                    "buildType": "t:1",
                    "externalParameters": {"a": {"b" * 1023: "c"}},
                }
            },
            id="long-path",
        ),
    ],
)
def test_provenance_without_what_slsa_requires_is_refused(
    change: dict[str, object],
) -> None:
    with pytest.raises(FormatError):
        read_provenance(provenance() | change)


NAMES = [
    *("_type", "subject", "digest", "sha256", "predicateType", "predicate"),
    *("buildDefinition", "runDetails", "builder", "id", "buildType", "name"),
    *("externalParameters", "source", "uri", "metadata", "", "\ud800"),
]
LEAVES = [None, True, False, 0, 1, -1, "x", "", "ab" * 32, EXAMPLE["_type"], "\ud800"]


@pytest.mark.exhaustive
@thorough
@given(json_objects(NAMES, LEAVES, members=8))
def test_whatever_the_json_only_a_format_error_comes_out(
    drawn: dict[str, object],
) -> None:
    for read in (
        lambda: read_provenance(drawn),
        lambda: read_provenance(provenance() | drawn),
        lambda: parse(EXAMPLE | drawn),
    ):
        try:
            read()
        except FormatError:
            continue
