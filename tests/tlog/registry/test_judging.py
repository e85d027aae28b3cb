"""An image is proven by what is attached to it, or told not to be, with each reason."""

from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.registry import OCI_MANIFEST, StandIn, told
from tests.support.rekor import P256, private_key, spki
from tests.tlog.registry.conftest import Opener
from tests.tlogverify.attestation.stories import (
    BOB,
    MALLORY,
    Attestation,
    write_rules,
)
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY, Story, entry
from tests.tlogverify.sigstore.documents import certified, encoded, of_message
from tlog.registry import (
    State,
    Trust,
    Verdict,
    discover,
    fetch_documents,
    find_image,
    judge,
)
from tlog.registry import judging as room
from tlog.registry.payloads import BUNDLE_TYPE, ENVELOPE_TYPE, PROOF_TYPE
from tlog.registry.references import Digest, parse_reference
from tlogverify.attestation.rules import Rules
from tlogverify.command.bundles import tell_bundle
from tlogverify.command.verdicts import Judged
from tlogverify.sigstore import Bundle, BundleKey, UnjudgedError, verify_bundle

PROVEN, NOT_PROVEN = State.PROVEN, State.NOT_PROVEN
UNUSABLE, NOT_JUDGED = State.UNUSABLE, State.NOT_JUDGED


@pytest.fixture
def image(standin: StandIn) -> str:
    """An image whose digest is the stories' artifact's."""
    standin.has_api = True
    digest = standin.put(ARTIFACT, OCI_MANIFEST, "release")
    assert f"sha256:{ARTIFACT_SHA256.hex()}" == digest
    return standin.image.replace(":1.0", ":release")


def put(standin: StandIn, content: bytes, kind: str, **changes: object) -> str:
    return standin.attach(
        content, kind, subject=told(ARTIFACT, OCI_MANIFEST), **changes
    )


async def judged(
    image: str, opened: Opener, rules: Rules | None = None
) -> list[Verdict]:
    return await judged_by(Trust(POLICY, rules), image, opened)


async def judged_by(trust: Trust, image: str, opened: Opener) -> list[Verdict]:
    repository = opened()
    found_image = await find_image(repository, parse_reference(image))
    found = await discover(repository, found_image)
    documents = await fetch_documents(repository, found, trust)
    return judge(found_image.digest, documents, trust)


async def states(
    image: str, opened: Opener, rules: Rules | None = None
) -> dict[str, State]:
    verdicts = await judged(image, opened, rules)
    for it in verdicts:
        assert bool(it.why) == (it.state is not PROVEN)
        assert (it.artifact is not None) == (it.state is PROVEN)
    return {it.document.attached: it.state for it in verdicts}


async def test_a_proof_is_judged_by_the_policy_alone(
    standin: StandIn, opened: Opener, image: str
) -> None:
    flipped = bytearray(Story().text)
    flipped[flipped.index(b"extra ") + 20] ^= 1
    signed_otherwise = Story().text.replace(Story().note[-9:-3], b"AAAAAA")
    expected = {
        put(standin, Story().text, PROOF_TYPE): PROVEN,
        put(standin, Story(entry(b"o" * 32)).text, PROOF_TYPE): NOT_PROVEN,
        put(standin, bytes(flipped), PROOF_TYPE): UNUSABLE,
        put(standin, signed_otherwise, PROOF_TYPE): NOT_PROVEN,
        put(standin, b"no proof", PROOF_TYPE): UNUSABLE,
        put(standin, Attestation().envelope, ENVELOPE_TYPE): NOT_JUDGED,
        put(standin, b"{}", BUNDLE_TYPE): NOT_JUDGED,
        put(standin, b"{}", "application/spdx+json"): NOT_JUDGED,
    }
    assert expected == await states(image, opened)


async def test_what_cannot_be_judged_is_not_fetched(
    standin: StandIn, opened: Opener, image: str
) -> None:
    put(standin, Attestation().envelope, ENVELOPE_TYPE)
    put(standin, b"{}", "application/spdx+json")
    await judged(image, opened)
    assert not any("/blobs/" in it for it in standin.requests)


async def test_an_envelope_wants_a_proof_of_its_own(
    standin: StandIn, opened: Opener, image: str, tmp_path: Path
) -> None:
    good, other = Attestation(), Attestation(predicate={"other": True}, signers=(BOB,))
    rules = Rules.read(write_rules(tmp_path))
    envelope = put(standin, good.envelope, ENVELOPE_TYPE)
    assert {envelope: NOT_PROVEN} == await states(image, opened, rules)
    # The proof of another envelope, or of a record without one, does not do.
    others = {
        put(standin, other.story.text, PROOF_TYPE): NOT_JUDGED,
        put(standin, Story().text, PROOF_TYPE): NOT_JUDGED,
        put(standin, b"no proof", PROOF_TYPE): NOT_JUDGED,
    }
    assert {envelope: NOT_PROVEN, **others} == await states(image, opened, rules)
    own = put(standin, good.story.text, PROOF_TYPE)
    found = await judged(image, opened, rules)
    assert {envelope: PROVEN, own: NOT_JUDGED, **others} == {
        it.document.attached: it.state for it in found
    }
    (proven,) = (it.attestation for it in found if it.state is PROVEN)
    assert proven is not None
    assert good.predicate_type == proven.statement.predicate_type


async def test_an_envelope_that_the_rules_refuse_is_not_proven(
    standin: StandIn, opened: Opener, image: str, tmp_path: Path
) -> None:
    rules = Rules.read(write_rules(tmp_path))
    refused = {
        "signed by another": (Attestation(signers=(MALLORY,)), NOT_PROVEN),
        "of another artifact": (
            Attestation(subjects=({"name": "x", "digest": {"sha256": "0" * 64}},)),
            NOT_PROVEN,
        ),
        "of a type that is not asked for": (
            Attestation(predicate_type="https://example/other"),
            NOT_PROVEN,
        ),
        "logged for another artifact": (
            Attestation(logged_as=(("subject", [{"sha256": "0" * 64}]),)),
            NOT_PROVEN,
        ),
        "no envelope": (Attestation(envelope_change=(b'"payload"', b'"x"')), UNUSABLE),
    }
    for name, (it, state) in refused.items():
        with case(name):
            envelope = put(standin, it.envelope, ENVELOPE_TYPE)
            put(standin, it.story.text, PROOF_TYPE)
            assert state is (await states(image, opened, rules))[envelope]


async def test_bundles_are_judged_by_whom_the_user_names(
    standin: StandIn, opened: Opener, image: str
) -> None:
    key = BundleKey(spki(private_key(P256)))

    def judge_bundle(digest: Digest, bundle: Bundle) -> Judged:
        if bundle.certificates:
            raise UnjudgedError("by nobody", judged=(), unjudged=("certificate",))
        return tell_bundle(digest, verify_bundle(digest, bundle, POLICY, [key]), None)

    older = "application/vnd.dev.sigstore.bundle+json;version=0.3"
    other = of_message(artifact=b"other")
    expected = {
        put(standin, encoded(of_message()), BUNDLE_TYPE): PROVEN,
        put(standin, encoded({**of_message(), "mediaType": older}), older): PROVEN,
        put(standin, encoded(other), BUNDLE_TYPE): NOT_PROVEN,
        put(standin, encoded(of_message(der=certified())), BUNDLE_TYPE): NOT_JUDGED,
        put(standin, b"{}", BUNDLE_TYPE): UNUSABLE,
        put(standin, Story().text, PROOF_TYPE): NOT_JUDGED,
        put(standin, Attestation().envelope, ENVELOPE_TYPE): NOT_JUDGED,
    }
    for policy in (POLICY, None):
        found = await judged_by(Trust(policy, None, judge_bundle), image, opened)
        assert expected == {it.document.attached: it.state for it in found}
        assert 2 == sum(it.bundle is not None for it in found)


async def test_what_the_registry_lacks_or_changed_is_told(
    standin: StandIn, opened: Opener, image: str
) -> None:
    lost = put(standin, Story().text, PROOF_TYPE)
    changed = put(standin, Story(index=2).text, PROOF_TYPE)
    large = put(
        standin,
        Story(index=1).text,
        PROOF_TYPE,
        layers=[{**told(b"x", PROOF_TYPE), "size": 2 << 20}],
    )
    blobs = list(standin.blobs)
    del standin.blobs[blobs[0]]
    standin.blobs[blobs[1]] = b"other bytes"
    elsewhere = standin.attach(Story(index=4).text, PROOF_TYPE)
    verdicts = {it.document.attached: it for it in await judged(image, opened)}
    assert elsewhere not in verdicts
    assert {lost, changed, large} == verdicts.keys()
    assert {UNUSABLE} == {it.state for it in verdicts.values()}
    whys = [verdicts[it].why for it in (lost, changed, large)]
    for why, words in zip(whys, ("404", "bytes", "at most"), strict=True):
        with case(words):
            assert words in why


async def test_all_documents_together_have_a_bound(
    standin: StandIn, opened: Opener, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_ALL_BYTES", 2 * len(Story().text))
    for index in range(4):
        put(standin, Story(index=index).text, PROOF_TYPE)
    found = [it.state for it in await judged(image, opened)]
    assert sorted([PROVEN, PROVEN, UNUSABLE, UNUSABLE], key=str) == sorted(
        found, key=str
    )
