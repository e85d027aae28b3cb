"""Which artifacts have provenance: what a list and a registry name."""

import pytest

from tests.support.cases import case
from tests.support.registry import IMAGE_DIGEST, NAME, OCI_MANIFEST, StandIn
from tlog.gate.coverage import list_images, parse_images, sha256_named
from tlog.registry import Keyring, Repository, Way, parse_reference
from tlogverify.errors import FormatError

HEX = "ab" * 32


def test_a_list_names_each_once_and_takes_comments() -> None:
    text = f"# all\n\nsha256:{HEX}\n app:1  # here\r\nsha256:{HEX}\n"
    assert [f"sha256:{HEX}", "app:1"] == parse_images(text)


def test_an_artifact_is_a_digest_or_an_image() -> None:
    table = {
        f"sha256:{HEX}": HEX,
        f"images.example/app@sha256:{HEX}": HEX,
        f"oci://images.example/app@sha256:{HEX}": HEX,
        "images.example/app:1": None,
    }
    for text, expected in table.items():
        with case(text):
            found = sha256_named(text)
            assert expected == (None if found is None else found.hex())
    for text in ("sha256:12", "Odd", ""):
        with case(text), pytest.raises(FormatError):
            sha256_named(text)


async def test_a_repositorys_tags_name_each_image_once_over_all_pages() -> None:
    async with StandIn(page=2).serve() as registry:
        other = registry.put(b'{"schemaVersion": 2}', OCI_MANIFEST, "2.0")
        registry.put(b'{"schemaVersion": 2}', OCI_MANIFEST, "latest")
        # What is attached lies under a tag too, where the registry has no API.
        registry.attach(b"a document", "application/spdx+json")
        name = f"oci://{registry.authority}/{NAME}"
        repository = Repository(parse_reference(f"{name}:latest"), Way(Keyring()))
        try:
            found = await list_images(repository, name)
        finally:
            await repository.close()
        assert [f"{name}@{IMAGE_DIGEST}", f"{name}@{other}"] == list(found)


async def test_a_list_of_tags_that_is_none_is_refused() -> None:
    async with StandIn(page=0).serve() as registry:
        name = f"oci://{registry.authority}/{NAME}"
        repository = Repository(parse_reference(f"{name}:1.0"), Way(Keyring()))
        try:
            # Its pages have no end.
            with pytest.raises(FormatError, match="pages"):
                await repository.list_tags()
        finally:
            await repository.close()
