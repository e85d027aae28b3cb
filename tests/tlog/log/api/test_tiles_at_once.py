"""Tiles that the kernel has, and those that it must read: the same answers."""

from benchmarks.running import drop_cached_pages
from tests.support.folders import folder_on_disk
from tests.support.http import ask
from tests.support.records import canonical, record
from tests.support.running import published, running_log

SIZE = 600
PATHS = ("tile/0/000", "tile/0/001", "tile/entries/000", "tile/entries/001")


async def test_a_tile_is_the_same_whoever_reads_it() -> None:
    with folder_on_disk() as folder:
        files = [folder / "log" / "public" / path for path in PATHS]
        async with running_log(folder / "log") as (_, log):
            await log.submitting.commit([canonical(record(nth)) for nth in range(SIZE)])
            await published(log)
        async with running_log(folder / "log") as (url, _):
            cached = [await ask(url, f"/{path}") for path in PATHS]
        async with running_log(folder / "log") as (url, _):
            drop_cached_pages(folder / "log" / "public")
            read = [await ask(url, f"/{path}") for path in PATHS]
        contents = [file.read_bytes() for file in files]
    assert contents == [it.body for it in cached]
    assert contents == [it.body for it in read]
    for one, other in zip(cached, read, strict=True):
        assert one.headers["etag"] == other.headers["etag"]
