"""Entries, pages of them, and search: each hit proven."""

import base64
import hashlib
from pathlib import Path

import pytest

from tests.support.filled import ENTRIES, LEAVES, SIZE, Filled
from tests.support.http import Answer, ask, post
from tests.support.openapi import require_documented
from tests.support.proofs import hashes
from tests.support.records import digest, json_body, record
from tests.support.running import published, running_log
from tlogverify.merkle import verify_inclusion

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def get(url: str, target: str, **headers: str) -> Answer:
    answer = await ask(url, target, headers=headers)
    require_documented("GET", target, answer)
    return answer


@pytest.mark.parametrize("index", [0, 1, 255, 256, 299])
async def test_an_entry_is_its_leaf_bytes_and_never_changes(
    filled: Filled, index: int
) -> None:
    target = f"/api/v1/entries/{index}"
    answer = await get(filled.url, target)
    assert (200, ENTRIES[index]) == (answer.status, answer.body)
    assert "immutable" in answer.headers["cache-control"]
    known = {"If-None-Match": answer.headers["etag"]}
    again = await get(filled.url, target, **known)
    assert (304, b"") == (again.status, again.body)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        *[(0, 1), (0, 300), (254, 257), (255, 256), (256, 257), (256, 300)],
        *[(299, 300), (299, 301), (0, 2**63 - 1), (13, 271)],
    ],
)
async def test_a_page_is_contiguous_from_its_start(
    filled: Filled, start: int, end: int
) -> None:
    answer = await get(filled.url, f"/api/v1/entries?start={start}&end={end}")
    document = answer.json()
    found = [base64.b64decode(it, validate=True) for it in document["entries"]]
    assert ENTRIES[start : min(end, SIZE)] == found
    assert (start, start + len(found)) == (document["start"], document["end"])


async def test_a_page_has_at_most_a_thousand_entries(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, _):
        await post(url, json_body(*(record(label) for label in range(1_200))))
        answer = await get(url, "/api/v1/entries?start=100&end=1200")
        assert (100, 1_100) == (answer.json()["start"], answer.json()["end"])
        assert 1_000 == len(answer.json()["entries"])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("sha256:" + digest("artifact 7 0"), [7], id="subject"),
        pytest.param("sha256:" + digest("provenance 270"), [270], id="provenance"),
        pytest.param("sha256:" + digest("signer"), [299], id="signer"),
        pytest.param("sha384:" + digest("artifact full", "sha384"), [299], id="sha384"),
        pytest.param("sha512:" + digest("artifact full", "sha512"), [299], id="sha512"),
        pytest.param("sha256:" + digest("nothing"), [], id="unknown"),
        pytest.param("sha384:" + digest("nothing", "sha384"), [], id="unknown 384"),
        pytest.param(
            # The index keeps the SHA-256 of longer digests: it is no digest itself.
            "sha256:"
            + hashlib.sha256(
                bytes.fromhex(digest("artifact full", "sha512"))
            ).hexdigest(),
            [],
            id="digest of a digest",
        ),
    ],
)
async def test_search_finds_every_digest_of_an_entry_and_proves_it(
    filled: Filled, wanted: str, expected: list[int]
) -> None:
    document = (await get(filled.url, f"/api/v1/search?digest={wanted}")).json()
    head = filled.head(document["checkpoint"])
    assert expected == [hit["index"] for hit in document["hits"]]
    assert (SIZE, None) == (document["complete_to"], document["next"])
    for hit in document["hits"]:
        path = hashes(hit["path"])
        verify_inclusion(hit["index"], head.size, LEAVES[hit["index"]], path, head.root)


async def test_search_pages_through_all_hits(tmp_path: Path) -> None:
    shared = {"sha256": digest("one document for all")}
    values = [{**record(label), "provenance": shared} for label in range(250)]
    async with running_log(tmp_path) as (url, log):
        await post(url, json_body(*values))
        await published(log)
        found: list[int] = []
        pages = []
        start: int | None = 0
        while start is not None:
            target = f"/api/v1/search?digest=sha256:{shared['sha256']}&start={start}"
            document = (await get(url, target)).json()
            found += [hit["index"] for hit in document["hits"]]
            pages.append(len(document["hits"]))
            start = document["next"]
    assert list(range(250)) == found
    assert [100, 100, 50] == pages


@pytest.mark.parametrize("start", [300, 2**48 - 1, 2**48, 2**63 - 1])
async def test_a_search_beyond_the_last_entry_finds_nothing(
    filled: Filled, start: int
) -> None:
    target = f"/api/v1/search?digest=sha256:{digest('signer')}&start={start}"
    answer = await get(filled.url, target)
    assert (200, []) == (answer.status, answer.json().get("hits"))
