"""Which artifacts hold a package: found, proven, forgotten, and counted if unread."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.cases import case
from tests.support.http import Answer, ask
from tests.support.openapi import require_documented
from tests.tlog.documents.kept import Kept, keeping, named
from tests.tlog.documents.test_attestations import proven_hits
from tests.tlogclient.boms import CYCLONEDX, SPDX, cyclonedx, enveloped, spdx
from tlog.documents.indexing import list_anew, read_noted
from tlog.documents.opening import find_store
from tlog.documents.tombstones import Tombstone
from tlog.documents.upkeep import Upkeep
from tlog.errors import CorruptError, RejectedError
from tlogclient.purls import parse_purl

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHEN = "2026-01-31T12:00:00Z"


def encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


async def asked(kept: Kept, purl: str, more: str = "") -> Answer:
    target = f"/api/v1/components?purl={quote(purl)}{more}"
    answer = await ask(kept.url, target)
    require_documented("GET", target, answer)
    return answer


async def found(kept: Kept, purl: str) -> list[int]:
    """Return the entries that are found, each proven."""
    answer = await asked(kept, purl)
    assert 200 == answer.status, answer.body
    return [it["index"] for it in proven_hits(kept, answer)]


async def stored(
    kept: Kept, content: bytes, artifact: bytes, kind: str = CYCLONEDX
) -> int:
    index = await kept.log_entry(content, artifact.decode(), predicateType=kind)
    assert 201 == (await kept.put(content, f"?entry={index}")).status
    return index


async def test_every_kind_of_logged_sbom_is_found_by_what_it_holds(kept: Kept) -> None:
    package = "pkg:pypi/every-kind"
    # `record_of` names the digest of the artifact's label as text.
    app = b"every kind"
    indexes = [
        await stored(kept, encoded(cyclonedx(app, f"{package}@1")), app),
        await stored(kept, encoded(spdx(app, f"{package}@2")), app, SPDX),
        await stored(kept, enveloped(cyclonedx(None, f"{package}@3"), app), app),
        await stored(
            kept,
            enveloped(spdx(None, f"{package}@1?a=b"), app, SPDX),
            app,
            f"{SPDX}/v2.3",
        ),
        await stored(kept, encoded(cyclonedx(None, f"{package}@4")), app),
    ]
    for purl, expected in {
        package: indexes,
        "pkg:PyPI/Every_Kind": indexes,
        f"{package}@1": [indexes[0], indexes[3]],
        f"{package}@2": [indexes[1]],
        f"{package}@5": [],
        "pkg:npm/every-kind": [],
    }.items():
        with case(purl):
            assert expected == await found(kept, purl)
    (hit,) = proven_hits(kept, await asked(kept, f"{package}@2"))
    assert named(encoded(spdx(app, f"{package}@2"))) == hit["document"]["digest"]
    assert {"digest", "disposition", "size", "url"} == hit["document"].keys()


async def test_an_sbom_of_another_artifact_than_its_entry_is_none(kept: Kept) -> None:
    package, app = "pkg:pypi/of-another", b"of another"
    for content in (
        encoded(cyclonedx(b"other", package)),
        enveloped(cyclonedx(None, package), b"other"),
    ):
        await stored(kept, content, app)
    # Of another type than an SBOM's.
    await stored(kept, encoded(cyclonedx(app, package)), app, "https://a.example/type")
    assert [] == await found(kept, package)


async def test_what_cannot_be_read_is_counted(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log", document_index_bytes=2_000) as kept:
        package, app = "pkg:pypi/a", b"app"
        await stored(kept, b"no SBOM", app)
        await stored(kept, encoded(cyclonedx(app, package, x="y" * 2_000)), app)
        index = await stored(kept, encoded(cyclonedx(app, package)), app)
        answer = await asked(kept, package)
        assert (2, [index]) == (
            answer.json()["unread"],
            [it["index"] for it in answer.json()["hits"]],
        )


async def test_pages_hold_all_and_each_once(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        app, package = b"paged", "pkg:pypi/paged"
        contents = [encoded(cyclonedx(app, package, x=it)) for it in range(201)]
        entries = await kept.log_entries(
            contents, app.decode(), predicateType=CYCLONEDX
        )
        for content, index in zip(contents, entries, strict=True):
            await kept.put(content, f"?entry={index}")
        pages: list[list[int]] = []
        start: int | None = 0
        while start is not None:
            answer = await asked(kept, package, f"&start={start}")
            pages.append([it["index"] for it in proven_hits(kept, answer)])
            start = answer.json()["next"]
        assert [100, 100, 1] == [len(it) for it in pages]
        assert entries == [index for page in pages for index in page]


async def test_what_was_redacted_leaves_the_index_and_its_file(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        app, package = b"redacted", "pkg:pypi/a-name-that-must-go"
        content = encoded(cyclonedx(app, package))
        index = await stored(kept, content, app)
        assert [index] == await found(kept, package)
        store = kept.documents.store
        sha256 = bytes.fromhex(named(content)[7:])
        store.bury(Tombstone(sha256, "redacted", "why", WHEN, index, bytes(32)))
        assert [] == await found(kept, package)
        for file in store.root.glob("components.db*"):
            assert b"a-name-that-must-go" not in file.read_bytes(), file


async def test_the_index_is_made_anew_by_one_call(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        app, package = b"anew", "pkg:pypi/anew"
        index = await stored(kept, encoded(cyclonedx(app, package)), app)
        await stored(kept, b"no SBOM", app, "https://a.example/type")
        store = kept.documents.store
        store.components.clear()
        assert 503 == (await asked(kept, package)).status
        # Beside the server, as `tlog documents index` does it.
        other = find_store(store.root)
        assert 1 == list_anew(other)
        assert 1 == (await asked(kept, package)).json()["unread"]
        assert read_noted(other, 1 << 20) is not None
        assert [index] == await found(kept, package)
        other.components.close()
        store.components.clear()
        # And so does the server by itself.
        await Upkeep(kept.documents, kept.log.reading).look_after_components()
        assert [index] == await found(kept, package)


async def test_a_damaged_index_is_told_and_replaced(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        app, package = b"damaged", "pkg:pypi/damaged"
        index = await stored(kept, encoded(cyclonedx(app, package)), app)
        root = kept.documents.store.root
        kept.documents.store.components.close()
        for file in root.glob("components.db*"):
            file.write_bytes(b"no database" * 1_000)
        assert 500 == (await asked(kept, package)).status
        with pytest.raises(RejectedError):
            list_anew(find_store(root))
    with pytest.raises(CorruptError):
        find_store(root).components.unread()
    store = find_store(root)
    assert 1 == list_anew(store)
    read_noted(store, 1 << 20)
    (holding,) = store.components.find(parse_purl(package), 0, 10)
    assert index == holding.entry
    store.components.close()


async def test_a_crash_between_note_and_document_leaves_nothing(tmp_path: Path) -> None:
    """What is noted first and never stored is forgotten; stored and not read, read."""
    async with keeping(tmp_path / "log", document_index_bytes=0) as kept:
        app, package = b"crash", "pkg:pypi/crash"
        content = encoded(cyclonedx(app, package))
        index = await kept.log_entry(content, app.decode(), predicateType=CYCLONEDX)
        await kept.put(content)
        root = kept.documents.store.root
    store = find_store(root)
    # As far as a server came that died in between.
    store.components.note(b"n" * 32, [7])
    with closing(sqlite3.connect(root / "components.db")) as database, database:
        database.execute("UPDATE documents SET state = 0")
    assert 2 == store.components.unread()
    assert read_noted(store, 1 << 20) is not None
    assert 0 == store.components.unread()
    (holding,) = store.components.find(parse_purl(package), 0, 10)
    assert index == holding.entry
    store.components.close()


async def test_what_is_no_question_is_refused(kept: Kept) -> None:
    for query in (
        "",
        "?purl=",
        "?purl=requests",
        "?purl=pkg:pypi/a%3Fb=c",
        "?purl=pkg:pypi/a%23b",
        "?purl=pkg:pypi/a&start=-1",
        "?purl=pkg:pypi/a&other=1",
        "?purl=pkg:pypi/a&purl=pkg:pypi/b",
    ):
        with case(query):
            target = f"/api/v1/components{query}"
            answer = await ask(kept.url, target)
            require_documented("GET", target, answer)
            assert 400 == answer.status
