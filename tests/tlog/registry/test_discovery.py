"""All that is attached is found, wherever it is listed, and nothing is believed."""

from typing import Any

import pytest

from tests.support.cases import case
from tests.support.registry import (
    EMPTY_CONFIG,
    FALLBACK,
    IMAGE_DIGEST,
    OCI_INDEX,
    OCI_MANIFEST,
    StandIn,
    artifact,
    sha256,
    spelled,
    told,
)
from tests.tlog.registry.conftest import Opener
from tlog.registry import Attachment, Discovery, discover, find_image, parse_reference
from tlog.registry.errors import AbsentError
from tlogverify.errors import FormatError

KIND = "application/vnd.example.kind+json"


async def found(standin: StandIn, opened: Opener) -> Discovery:
    repository = opened()
    reference = parse_reference(standin.image)
    return await discover(repository, await find_image(repository, reference))


async def only(standin: StandIn, opened: Opener) -> Attachment:
    (attachment,) = (await found(standin, opened)).attachments
    return attachment


async def test_a_tag_is_resolved_once(standin: StandIn, opened: Opener) -> None:
    discovery = await found(standin, opened)
    assert f"@{IMAGE_DIGEST}" == discovery.image.reference.text[-72:]
    assert 1 == sum(it.endswith("/manifests/1.0") for it in standin.requests)
    assert () == discovery.attachments
    with pytest.raises(AbsentError):
        await find_image(opened(), parse_reference(f"{standin.image}.1"))
    standin.put(b"a page", "text/html", "page")
    page = standin.image.replace(":1.0", ":page")
    with pytest.raises(FormatError):
        await find_image(opened(), parse_reference(page))


async def test_all_places_are_read_and_merged(standin: StandIn, opened: Opener) -> None:
    tagged = standin.attach(b"tagged", KIND)
    standin.has_api = standin.says_subject = standin.lists_types = True
    listed = standin.attach(b"listed", KIND)
    legacy = {
        suffix: standin.put(
            artifact(b"%b" % suffix.encode(), KIND, subject=None, artifactType=None),
            OCI_MANIFEST,
            f"{FALLBACK}.{suffix}",
        )
        for suffix in ("att", "sig", "sbom")
    }
    discovery = await found(standin, opened)
    assert discovery.has_api
    # The manifest under the fallback tag has a subject: the API lists it too.
    assert {
        tagged: ("referrers API", "fallback tag"),
        listed: ("referrers API",),
        **{digest: (f"tag .{suffix}",) for suffix, digest in legacy.items()},
    } == {it.digest: it.sources for it in discovery.attachments}
    assert all(it.manifest for it in discovery.attachments)


async def test_the_lists_word_for_a_type_decides_nothing(
    standin: StandIn, opened: Opener
) -> None:
    standin.has_api = True
    standin.attach(b"document", KIND)
    attachment = await only(standin, opened)
    assert (EMPTY_CONFIG, KIND) == (attachment.listed_type, attachment.artifact_type)
    assert not any("artifactType" in it for it in standin.requests)


async def test_what_is_not_as_it_is_listed_is_told(
    standin: StandIn, opened: Opener
) -> None:
    standin.has_api = True
    digest = standin.attach(b"document", KIND)
    other = artifact(b"document", KIND, subject=told(b"another", OCI_MANIFEST))
    standin.put(other, OCI_MANIFEST)
    alone = artifact(b"document", KIND, subject=None)
    standin.put(alone, OCI_MANIFEST)
    size = len(standin.manifests[digest][0])
    lies: dict[str, tuple[dict[str, Any], str]] = {
        "a larger size": ({"size": size + 1}, "listed with"),
        "a smaller size": ({"size": size - 1}, "listed with"),
        "a size beyond the bound": ({"size": (4 << 20) + 1}, "at most 4 MiB"),
        "no size": ({"size": None}, "has a size"),
        "another type": ({"mediaType": OCI_INDEX}, "another media type"),
        "another hash": ({"digest": "sha512:" + "0" * 128}, "64 lower-case"),
        "a digest that is not there": ({"digest": sha256(b"x")}, "is not there"),
        "another image's": (told(other, OCI_MANIFEST), "another than the image"),
        "nobody's": (told(alone, OCI_MANIFEST), "another than the image"),
    }
    for name, (change, why) in lies.items():

        def lie(entries: list[dict[str, Any]], change: dict[str, Any] = change) -> None:
            entries[:] = [entries[0] | change]

        standin.lie = lie
        with case(name):
            attachment = await only(standin, opened)
            assert attachment.manifest is None
            assert why in attachment.why


async def test_other_bytes_under_a_digest_are_told(
    standin: StandIn, opened: Opener
) -> None:
    digest = standin.attach(b"document", KIND)
    standin.manifests[digest] = (artifact(b"other", KIND), OCI_MANIFEST)
    attachment = await only(standin, opened)
    assert attachment.manifest is None
    assert "other bytes" in attachment.why


async def test_a_fallback_tag_that_is_no_index_is_refused(
    standin: StandIn, opened: Opener
) -> None:
    standin.put(artifact(b"x", KIND), OCI_MANIFEST, FALLBACK)
    with pytest.raises(FormatError, match="names an index"):
        await found(standin, opened)
    standin.put(spelled({"manifests": {}}), OCI_INDEX, FALLBACK)
    with pytest.raises(FormatError, match="manifests"):
        await found(standin, opened)


async def test_an_api_that_answers_with_a_page_is_none(
    standin: StandIn, opened: Opener
) -> None:
    digest = standin.attach(b"document", KIND)
    standin.put(b"<html>", "text/html", "page")
    standin.has_api = True
    standin._list = lambda *_: standin._get(  # type: ignore[method-assign]  # one lie
        "manifests",
        "page",
        None,  # type: ignore[arg-type]  # is not looked at
    )
    discovery = await found(standin, opened)
    assert not discovery.has_api
    assert [digest] == [it.digest for it in discovery.attachments]
