"""What a registry lost, and a log knows, is missing; nothing else is."""

import json

from tests.support.registry import OCI_MANIFEST, StandIn, told
from tests.tlog.registry.conftest import Opener
from tests.tlogverify.attestation.stories import Attestation
from tests.tlogverify.documents import ARTIFACT, POLICY, Story
from tlog.registry import Kept, find_image, list_missing, parse_reference
from tlog.registry.payloads import BUNDLE_TYPE, ENVELOPE_TYPE, PROOF_TYPE
from tlogverify.proof import Proof

MADE = Attestation()


async def missing(
    standin: StandIn, opened: Opener, *kept: Kept
) -> list[tuple[str, bytes]]:
    standin.has_api = True
    standin.put(ARTIFACT, OCI_MANIFEST, "release")
    repository = opened()
    reference = parse_reference(standin.image.replace(":1.0", ":release"))
    image = await find_image(repository, reference)
    found = await list_missing(repository, image, kept, POLICY)
    return [(it.artifact_type, it.content) for it in found]


def put(standin: StandIn, content: bytes, kind: str) -> None:
    standin.attach(content, kind, subject=told(ARTIFACT, OCI_MANIFEST))


async def test_all_that_was_lost_is_missing_and_once(
    standin: StandIn, opened: Opener
) -> None:
    kept = Kept(Proof.parse(MADE.story.text), MADE.envelope)
    expected = [(ENVELOPE_TYPE, MADE.envelope), (PROOF_TYPE, MADE.story.text)]
    assert expected == await missing(standin, opened, kept, kept)
    put(standin, MADE.envelope, ENVELOPE_TYPE)
    assert expected[1:] == await missing(standin, opened, kept)
    put(standin, MADE.story.text, PROOF_TYPE)
    assert [] == await missing(standin, opened, kept)


async def test_a_proof_of_another_head_is_as_good(
    standin: StandIn, opened: Opener
) -> None:
    put(standin, Story(MADE.record, size=5).text, PROOF_TYPE)
    kept = Kept(Proof.parse(MADE.story.text))
    assert [] == await missing(standin, opened, kept)
    # One that cannot be read is of no entry.
    standin.manifests.clear()
    put(standin, b"no proof", PROOF_TYPE)
    assert [(PROOF_TYPE, MADE.story.text)] == await missing(standin, opened, kept)


async def test_what_is_of_no_known_kind_or_image_is_left_out(
    standin: StandIn, opened: Opener
) -> None:
    other = Attestation(subjects=({"name": "x", "digest": {"sha256": "0" * 64}},))
    put(standin, MADE.story.text, PROOF_TYPE)
    proof = Proof.parse(MADE.story.text)
    bundle = json.dumps({"mediaType": BUNDLE_TYPE}).encode()
    for document in (b"{}", b"an SBOM", bundle, other.envelope, None):
        assert [] == await missing(standin, opened, Kept(proof, document))
