"""Manifests and lists of others, read strictly and kept as they were written."""

import json
from typing import Any

import pytest

from tests.support.cases import case
from tests.support.registry import (
    EMPTY_CONFIG,
    IMAGE,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    sha256,
    spelled,
    told,
)
from tlog.registry.manifests import (
    Descriptor,
    Index,
    encode_artifact,
    parse_manifest,
)
from tlogverify.errors import FormatError

KIND = "application/vnd.example.kind+json"


def test_an_artifact_is_what_the_specification_says() -> None:
    """Every member, spelled by hand from image-spec, manifest.md."""
    layer, subject = Descriptor.of(KIND, b"layer"), Descriptor.of(OCI_MANIFEST, IMAGE)
    found = encode_artifact(KIND, layer, subject, {"b": "2", "a": "1"})
    empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        b'"artifactType":"application/vnd.example.kind+json",'
        b'"config":{"mediaType":"application/vnd.oci.empty.v1+json",'
        b'"digest":"%s","size":2},'
        b'"layers":[{"mediaType":"application/vnd.example.kind+json",'
        b'"digest":"%s","size":5}],'
        b'"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        b'"digest":"%s","size":%d},"annotations":{"a":"1","b":"2"}}'
        % (
            *(empty.encode(), sha256(b"layer").encode()),
            *(sha256(IMAGE).encode(), len(IMAGE)),
        )
    ) == found


def test_the_type_is_the_manifests_own_word() -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "its artifactType": ({}, KIND),
        "else its config's": (
            {"artifactType": None, "config": told(b"", "application/x")},
            "application/x",
        ),
        "but the empty config is none": ({"artifactType": None}, ""),
        "with parameters, if it has them": ({"artifactType": "a/b; c=1"}, "a/b; c=1"),
        "its artifactType first": ({"config": told(b"", "application/x")}, KIND),
    }
    for name, (changes, kind) in cases.items():
        with case(name):
            found = parse_manifest(artifact(b"layer", KIND, **changes), OCI_MANIFEST)
            assert kind == found.artifact_type
            assert [sha256(b"layer")] == [it.digest for it in found.layers]
            assert found.subject is not None
            assert sha256(IMAGE) == found.subject.digest


def test_a_manifest_that_breaks_a_rule_is_refused() -> None:
    layer, digest = told(b"layer", KIND), sha256(b"layer")
    broken: dict[str, dict[str, Any]] = {
        "served as another type": {"mediaType": OCI_INDEX},
        "of an unknown type": {"mediaType": "application/json"},
        "a size below zero": {"layers": [{**layer, "size": -1}]},
        "a size that is true": {"layers": [{**layer, "size": True}]},
        "a size that is no integer": {"layers": [{**layer, "size": 5.0}]},
        "a size without end": {"layers": [{**layer, "size": 2**63}]},
        "no size": {"layers": [{"mediaType": KIND, "digest": digest}]},
        "another hash": {"layers": [{**layer, "digest": "sha512:" + "0" * 128}]},
        "upper-case hex": {"layers": [{**layer, "digest": digest.upper()}]},
        "no media type": {"layers": [{"digest": digest, "size": 5}]},
        "a media type that is none": {"layers": [{**layer, "mediaType": "a;c=d"}]},
        "a media type with a line's end": {
            "layers": [{**layer, "mediaType": "a/b;\n"}]
        },
        "an artifactType without end": {"artifactType": f"a/b;{'c' * 252}"},
        "a config's type that is none": {"config": {"mediaType": "x"}},
        "layers that are no array": {"layers": {}},
        "too many layers": {"layers": [layer] * 1001},
        "an annotation that is no text": {"annotations": {"a": 1}},
        "a subject that is no object": {"subject": "x"},
        "a subject without a digest": {"subject": {"mediaType": KIND, "size": 1}},
        "an artifactType that is no text": {"artifactType": 1},
    }
    for name, changes in broken.items():
        with case(name), pytest.raises(FormatError):
            parse_manifest(artifact(b"layer", KIND, **changes), OCI_MANIFEST)
    twice = b'{"layers":[],"layers":[],"mediaType":"%s"}' % OCI_MANIFEST.encode()
    for text in (b"", b"[]", b"{", b"\xff", twice, b"[" * 100_000):
        with pytest.raises(FormatError):
            parse_manifest(text, OCI_MANIFEST)


def test_what_others_listed_stays_as_they_wrote_it() -> None:
    theirs = {**told(b"x", OCI_MANIFEST), "platform": {"os": "linux"}, "data": "eA=="}
    odd = {"digest": "sha512:" + "0" * 128, "size": 1}
    members = {
        "schemaVersion": 2,
        "manifests": [theirs, odd],
        "annotations": {"a": "b"},
    }
    ours = Descriptor.of(OCI_MANIFEST, b"ours").members()
    index = Index.parse(spelled(members)).extended(
        {str(ours["digest"]): ours, str(theirs["digest"]): {"digest": theirs["digest"]}}
    )
    expected = {**members, "manifests": [theirs, odd, ours]}
    assert expected == json.loads(index.encode())
    assert {theirs["digest"], odd["digest"], ours["digest"]} == index.listed()


def test_a_list_has_a_bound() -> None:
    entries = [told(b"%d" % n, OCI_MANIFEST) for n in range(1001)]
    full = Index.parse(spelled({"manifests": entries[:1000]}))
    assert 1000 == len(full.entries)
    with pytest.raises(FormatError):
        Index.parse(spelled({"manifests": entries}))
    with pytest.raises(FormatError):
        full.extended({entries[1000]["digest"]: entries[1000]}).encode()


def test_an_index_has_no_layers_here() -> None:
    text = spelled({"manifests": [], "artifactType": KIND, "config": {}})
    found = parse_manifest(text, OCI_INDEX)
    assert (KIND, ()) == (found.artifact_type, found.layers)
    assert EMPTY_CONFIG not in text.decode()
