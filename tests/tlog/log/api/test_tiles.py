"""The read side: a mirror that trusts nothing rebuilds the whole log from it."""

import gzip
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case, in_one_test
from tests.support.filled import ENTRIES, LEAVES, RECORDS, SIZE, TREE, Filled
from tests.support.http import Answer, ask, post
from tests.support.openapi import require_documented
from tests.support.records import json_body
from tests.support.running import running_log, until
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.tiles import bundles_of_size, tiles_of_size

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOTH_WAYS = True

BINARY = "application/octet-stream"


async def get(
    filled: Filled, target: str, method: str = "GET", **headers: str
) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await ask(filled.url, target, method=method, headers=sent)
    require_documented(method, target, answer)
    return answer


async def test_the_checkpoint_is_signed_and_names_the_whole_tree(
    filled: Filled,
) -> None:
    answer = await get(filled, "/checkpoint")
    head = filled.head(answer.body.decode())
    assert (SIZE, TREE.root(SIZE)) == (head.size, head.root)
    assert "text/plain; charset=utf-8" == answer.headers["content-type"]
    assert "public, max-age=2" == answer.headers["cache-control"]


async def test_the_bundles_and_tiles_of_the_checkpoint_lead_to_its_root(
    filled: Filled,
) -> None:
    head = filled.head((await get(filled, "/checkpoint")).body.decode())
    leaves: list[bytes] = []
    for bundle in bundles_of_size(head.size):
        answer = await get(filled, f"/{bundle.path}")
        entries = parse_bundle(answer.body, bundle.width)
        leaves += [rfc6962.leaf_hash(entry) for entry in entries]
    assert head.root == rfc6962.root(leaves)
    for tile in tiles_of_size(head.size):
        answer = await get(filled, f"/{tile.path}")
        span = 256**tile.level
        first = tile.index * 256
        expected = [
            TREE.mth(nth * span, (nth + 1) * span)
            for nth in range(first, first + tile.width)
        ]
        assert b"".join(expected) == answer.body


async def test_the_last_tile_is_served_at_every_width(filled: Filled) -> None:
    for width in (*range(1, 45), 256):
        with case(f"width {width}"):
            # 300 leaves: the second tile has 44; the first is full, and has all widths.
            nth, first = (0, 0) if width == 256 else (1, 256)
            suffix = "" if width == 256 else f".p/{width}"
            tile = await get(filled, f"/tile/0/{nth:03}{suffix}")
            bundle = await get(filled, f"/tile/entries/{nth:03}{suffix}")
            assert b"".join(LEAVES[first : first + width]) == tile.body
            assert encode_bundle(ENTRIES[first : first + width]) == bundle.body
            for answer in (tile, bundle):
                assert (200, BINARY) == (answer.status, answer.media_type)
                assert "immutable" in answer.headers["cache-control"]


async def test_a_full_tile_is_served_at_smaller_widths_too(filled: Filled) -> None:
    for width in (1, 2, 100, 254, 255):
        with case(f"width {width}"):
            tile = await get(filled, f"/tile/0/000.p/{width}")
            bundle = await get(filled, f"/tile/entries/000.p/{width}")
            assert b"".join(LEAVES[:width]) == tile.body
            assert encode_bundle(ENTRIES[:width]) == bundle.body


async def test_what_is_signed_and_not_published_yet_is_served(tmp_path: Path) -> None:
    async with running_log(tmp_path, publish_interval_ms=600_000) as (url, log):
        filled = Filled(url, log)
        await until(lambda: bool(log.publisher.public_note))
        answer = await post(url, json_body(*RECORDS))
        assert 201 == answer.status
        assert 0 == filled.head((await get(filled, "/checkpoint")).body.decode()).size
        for path, first, end in (("000", 0, 256), ("001.p/44", 256, 300)):
            answer = await get(filled, f"/tile/0/{path}")
            assert b"".join(LEAVES[first:end]) == answer.body
            answer = await get(filled, f"/tile/entries/{path}")
            assert encode_bundle(ENTRIES[first:end]) == answer.body


@pytest.mark.parametrize(
    "path", ["/checkpoint", "/tile/0/000", "/tile/0/001.p/44", "/tile/entries/000"]
)
async def test_a_known_etag_is_answered_by_304(filled: Filled, path: str) -> None:
    etag = (await get(filled, path)).headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = await get(filled, path, If_None_Match=known)
        assert (304, b"") == (answer.status, answer.body)
        assert etag == answer.headers["etag"]
        assert "*" == answer.headers["access-control-allow-origin"]


@pytest.mark.parametrize("known", ['"other"', "garbage", '"a", b', 'W/"x', ""])
async def test_another_etag_is_answered_in_full(filled: Filled, known: str) -> None:
    answer = await get(filled, "/checkpoint", If_None_Match=known)
    assert 200 == answer.status


@in_one_test("path", ["/tile/entries/000", "/tile/entries/001.p/44"])
@in_one_test("coding", ["gzip", "br, gzip;q=0.5", "GZIP", "gzip ;q=1"])
async def test_bundles_come_gzipped_where_that_is_accepted(
    filled: Filled, path: str, coding: str
) -> None:
    plain = await get(filled, path)
    packed = await get(filled, path, Accept_Encoding=coding)
    again = await get(filled, path, Accept_Encoding=coding)
    assert "gzip" == packed.headers["content-encoding"]
    assert "Accept-Encoding" == packed.headers["vary"]
    assert plain.body == gzip.decompress(packed.body)
    assert (packed.body, packed.headers["etag"]) == (again.body, again.headers["etag"])
    assert plain.headers["etag"] != packed.headers["etag"]


@in_one_test(
    "coding", ["", "identity", "br", "gzip;q=0", "gzip; q=0", "gzip;q=0.000", "gzipped"]
)
async def test_bundles_come_plain_where_gzip_is_not_accepted(
    filled: Filled, coding: str
) -> None:
    answer = await get(filled, "/tile/entries/000", Accept_Encoding=coding)
    assert "content-encoding" not in answer.headers
    assert encode_bundle(ENTRIES[:256]) == answer.body


async def test_caches_are_told_that_a_plain_bundle_depends_on_the_coding(
    filled: Filled,
) -> None:
    answer = await get(filled, "/tile/entries/000")
    assert "Accept-Encoding" == answer.headers.get("vary")


async def test_hash_tiles_are_never_compressed(filled: Filled) -> None:
    answer = await get(filled, "/tile/0/000", Accept_Encoding="gzip")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "first", "end"),
    [
        ("bytes=0-31", 0, 32),
        ("bytes=8160-", 8160, 8192),
        ("bytes=-32", 8160, 8192),
        ("bytes=8000-9999", 8000, 8192),
    ],
)
async def test_a_full_tile_is_served_in_ranges(
    filled: Filled, wanted: str, first: int, end: int
) -> None:
    answer = await get(filled, "/tile/0/000", Range=wanted)
    assert 206 == answer.status
    assert b"".join(LEAVES[:256])[first:end] == answer.body
    assert f"bytes {first}-{end - 1}/8192" == answer.headers["content-range"]


@pytest.mark.parametrize("wanted", ["bytes=abc", "bytes=8192-", "bytes=0-1,3-4"])
async def test_an_impossible_range_is_416(filled: Filled, wanted: str) -> None:
    answer = await get(filled, "/tile/0/000", Range=wanted)
    assert (416, "bytes */8192") == (answer.status, answer.headers["content-range"])


@in_one_test(
    "path",
    [
        *("/checkpoint", "/tile/0/000", "/tile/0/001.p/44", "/tile/entries/000"),
        *("/tile/1/000.p/1", "/api/v1/entries/3", "/api/v1/log", "/healthz"),
        *("/readyz", "/openapi.json", "/api/v1/proof/inclusion?index=1"),
    ],
)
async def test_head_is_get_without_a_body(filled: Filled, path: str) -> None:
    get_answer = await get(filled, path)
    head_answer = await get(filled, path, method="HEAD")
    dropped = {"date", "last-modified"}
    assert (200, b"") == (head_answer.status, head_answer.body)
    assert {k: v for k, v in get_answer.headers.items() if k not in dropped} == {
        k: v for k, v in head_answer.headers.items() if k not in dropped
    }
