"""What documents cost: put, get, all about one artifact, and memory with large ones."""

import asyncio
import hashlib
import os
import random
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Final

import aiohttp

from benchmarks.engines import BUCKET_URL, bucket, has_bucket
from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, scratch_folder, serving
from tlogverify import Record
from tlogverify.record import Subject

QUESTION: Final = "What do documents cost, beside a log that has grown?"
METHOD: Final = """
    A log is served with --documents and its defaults, and filled up to each size in
    turn.  At each a thousand records are added, each with a document of 4 KiB.  The
    documents are stored over 8 connections, each durable before its answer; then each
    is read, and all that is said of its artifact is asked for, by one connection, in
    random order: entry, path and the document in one answer.  Then documents of 64 MiB
    are stored and read one after the other, and the server's resident memory is looked
    at after each.  The client only compares hashes, and runs on the same machine.  The
    same again of a log of 10,000 entries whose documents are in a bucket of gofakes3 in
    memory on this machine, where that is installed: nothing of a network is in it.
"""
DOCUMENTS: Final = 1_000
FAR_ENTRIES: Final = 10_000
SMALL_BYTES: Final = 4 << 10
LARGE_BYTES: Final = 64 << 20
LARGE: Final = 4
P99_MS: Final = 50.0


class Documents:
    """Documents that one log is asked for; url: of the log."""

    def __init__(self, url: str, session: aiohttp.ClientSession, seed: int) -> None:
        self._url = url
        self._session = session
        self._random = random.Random(seed)
        self.small = [self._random.randbytes(SMALL_BYTES) for _ in range(DOCUMENTS)]

    async def log(self, documents: Sequence[bytes]) -> list[int]:
        """Submit a record for each document; return their indexes."""
        entries = [
            Record((Subject(_sha256(b"artifact of " + it)),), _sha256(it)).encode()
            for it in documents
        ]
        body = b'{"entries":[' + b",".join(entries) + b"]}"
        headers = {"Content-Type": "application/json"}
        url = f"{self._url}/api/v1/entries"
        async with self._session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 201
            return [it["index"] for it in (await answer.json())["entries"]]

    async def put(self, document: bytes, index: int) -> None:
        """Store one document."""
        url = f"{self._url}/api/v1/documents/{_name(document)}?entry={index}"
        async with self._session.put(url, data=document) as answer:
            assert answer.status == 201, await answer.text()

    async def get(self, document: bytes) -> None:
        """Read one document."""
        url = f"{self._url}/api/v1/documents/{_name(document)}"
        state = hashlib.sha256()
        async with self._session.get(url) as answer:
            async for chunk in answer.content.iter_any():
                state.update(chunk)
        assert state.hexdigest() == _name(document)[7:]

    async def ask(self, document: bytes) -> None:
        """Ask what is said of the artifact of one document."""
        artifact = _name(b"artifact of " + document)
        url = f"{self._url}/api/v1/attestations/{artifact}"
        async with self._session.get(url) as answer:
            (found,) = (await answer.json())["attestations"]
        assert found["document"]["digest"] == _name(document)
        assert "content" in found["document"]

    def shuffled(self) -> list[bytes]:
        """Return the small documents in random order."""
        return self._random.sample(self.small, len(self.small))


async def measure(log: RunningLog, seed: int) -> dict[str, float]:
    """Return all figures of one run."""
    found: dict[str, float] = {}
    async with aiohttp.ClientSession() as session:
        documents = Documents(log.url, session, seed)
        indexes = await documents.log(documents.small)
        pairs = list(zip(documents.small, indexes, strict=True))
        begun_s = time.perf_counter()
        putting = [_timed(documents.put, pairs[start::8]) for start in range(8)]
        taken = [*chain.from_iterable(await asyncio.gather(*putting))]
        found["put/s"] = DOCUMENTS / (time.perf_counter() - begun_s)
        found |= _quantiles("put", taken)
        # What has just been logged can be searched for a moment later.
        while await _lag(session, log.url):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
        for name, step in (("get", documents.get), ("attestations", documents.ask)):
            each = [(it,) for it in documents.shuffled()]
            found |= _quantiles(name, await _timed(step, each))
        found["resident MiB before"] = log.resident_mib
        resident, put_s, get_s = [log.resident_mib], 0.0, 0.0
        for _ in range(LARGE):
            large = os.urandom(LARGE_BYTES)
            (index,) = await documents.log([large])
            put_s += sum(await _timed(documents.put, [(large, index)]))
            resident.append(log.resident_mib)
            get_s += sum(await _timed(documents.get, [(large,)]))
            resident.append(log.resident_mib)
        found["resident MiB after"] = max(resident)
        found["put MiB/s"] = LARGE * (LARGE_BYTES >> 20) / put_s
        found["get MiB/s"] = LARGE * (LARGE_BYTES >> 20) / get_s
    return found


def measure_far(seed: int) -> dict[str, float]:
    """Return all figures of one run whose documents are in a bucket."""
    flag = f"--documents={BUCKET_URL}"
    with scratch_folder() as folder, bucket(), serving(folder, flag) as log:
        log.fill(FAR_ENTRIES, seed=seed)
        return asyncio.run(measure(log, seed))


async def _lag(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    return "tlog_index_lag_entries 0.0" not in text


async def _timed(
    step: Callable[..., Awaitable[None]], calls: Sequence[tuple[object, ...]]
) -> list[float]:
    """Return the seconds that each call took, one after the other."""
    taken: list[float] = []
    for call in calls:
        begun_s = time.perf_counter()
        await step(*call)
        taken.append(time.perf_counter() - begun_s)
    return taken


def _quantiles(name: str, taken_s: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken_s, n=100)
    return {f"{name} p50": cuts[49] * 1000, f"{name} p99": cuts[98] * 1000}


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _name(content: bytes) -> str:
    return f"sha256:{_sha256(content).hex()}"


def main() -> None:
    """Measure, check, write, print."""
    given = options(
        QUESTION, ("entries", 1_000_000, 20_000), ("most", 10_000_000, 40_000)
    )
    runs: list[dict[str, float]] = []
    for nth in range(given.runs):
        runs.append({})
        with scratch_folder() as folder, serving(folder, "--documents") as log:
            size = 0
            for step, entries in enumerate((given.entries, given.most), 2 * nth):
                log.fill(entries - size, seed=step + 1)
                size = entries
                found = asyncio.run(measure(log, step))
                runs[-1] |= {
                    f"{name}, {entries:,} entries": it for name, it in found.items()
                }
        if has_bucket():
            found = measure_far(2 * given.runs + nth)
            runs[-1] |= {f"{name}, in a bucket": it for name, it in found.items()}
    names = list(runs[0])
    Result(
        name="bench_documents",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure(
                name,
                _unit(name.partition(",")[0]),
                [it[name] for it in runs],
                P99_MS if re.match("attestations p99, [0-9]", name) else None,
                "/s" not in name,
            )
            for name in names
        ],
        settings={
            "entries": given.entries,
            "most": given.most,
            "documents": DOCUMENTS,
            "large": LARGE,
        },
        is_quick=given.quick,
    ).finish()


def _unit(name: str) -> str:
    if name.startswith("resident"):
        return "MiB"
    if name.endswith("MiB/s"):
        return "MiB/s"
    return "/s" if name.endswith("/s") else "ms"


if __name__ == "__main__":
    main()
