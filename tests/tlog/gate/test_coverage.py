"""Which artifacts have provenance: what a list and a registry name."""

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.cases import case
from tests.support.registry import IMAGE_DIGEST, NAME, OCI_MANIFEST, StandIn
from tlog.gate.clusters import images_of, list_running
from tlog.gate.coverage import list_images, parse_images, sha256_named
from tlog.registry import Keyring, Repository, Way, parse_reference
from tlogclient.transport import Transport
from tlogverify.errors import FormatError

HEX = "ab" * 32
TOKEN = "t"


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


def running(image: str, pulled: str, name: str = "c") -> dict[str, Any]:
    """Return a Pod as an API server lists it."""
    status = {"name": name, "image": "sha256:0", "imageID": pulled}
    return {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": image}], "priority": -1},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def test_a_running_image_is_named_by_what_was_pulled() -> None:
    at, other = f"sha256:{HEX}", f"sha256:{'cd' * 32}"
    table = [
        (running("a:1", f"docker.io/library/a@{at}"), [f"a:1@{at}"]),
        (running("a:1", f"docker-pullable://a@{at}"), [f"a:1@{at}"]),
        (running(f"a@{at}", f"a@{other}"), [f"a@{at}"]),
        (running("a:1", ""), ["a:1"]),
        (running("a:1", "sha256:12"), ["a:1"]),
        (running("a:1", f"a@{at}", "another"), ["a:1"]),
        ({"spec": None, "status": None}, []),
    ]
    for pod, expected in table:
        with case(json.dumps(pod)):
            assert expected == list(images_of(pod))
    odd: list[dict[str, Any]] = [{"spec": [1]}, {"spec": {"containers": {"a": 1}}}]
    for wrong in odd:
        with case(str(wrong)), pytest.raises(FormatError):
            list(images_of(wrong))


async def test_a_clusters_pods_are_listed_page_by_page() -> None:
    asked: list[tuple[str, str | None]] = []
    pods = [running(f"a:{it}", "") for it in range(5)] + [running("a:0", "")]

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.query_string, request.headers.get("Authorization")))
        start = int(request.query.get("continue", "0"))
        after = str(start + 2) if start + 2 < len(pods) else ""
        page = {"kind": "PodList", "items": pods[start : start + 2]}
        return web.json_response({**page, "metadata": {"continue": after}})

    app = web.Application()
    app.router.add_get("/api/v1/pods", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/")).rstrip("/")
        transport = Transport(url, token=TOKEN, attempts=1, timeout_s=60)
        await transport.open()
        try:
            assert [f"a:{it}" for it in range(5)] == await list_running(transport)
        finally:
            await transport.close()
    pages = ["limit=500", "limit=500&continue=2", "limit=500&continue=4"]
    assert [(it, f"Bearer {TOKEN}") for it in pages] == asked
