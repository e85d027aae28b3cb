"""Look after the documents that a log keeps: find, list, get, index, prune, redact.

What removes documents has the log say so: --log URL names the log that runs; without
it, the stopped log in DIR is opened for a moment.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tlog.cli.buckets import open_shelf
from tlog.cli.completeness import INCOMPLETE, tell_agreement, tell_disagreement
from tlog.cli.document_log import open_way_to_log
from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import (
    add_network_arguments,
    add_policy_argument,
    find_network,
    load_policy,
    open_client,
)
from tlog.clock import SystemClock
from tlog.config import parse_place
from tlog.documents.disposing import Disposer, judge_all
from tlog.documents.indexing import list_anew, read_noted
from tlog.documents.opening import find_far_store, find_store
from tlog.documents.retention import MAX_RULES_BYTES, Verdict, parse_rules
from tlog.documents.settings import INDEX_BYTES
from tlog.documents.store import DocumentStore
from tlog.documents.tombstones import parse_digest, show_digest, show_time
from tlog.errors import RejectedError
from tlog.folders import write_whole
from tlogclient import IncompleteError, LogClient, TwoHistoriesError
from tlogclient.attested import Attestation, AttestationResult
from tlogverify.artifact import artifact_sha256
from tlogverify.files import read_bounded
from tlogverify.record import Record

_CHUNKS_AT_ONCE: int = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's actions, and the arguments of each."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    find = actions.add_parser("find", help="all documents about an artifact")
    find.add_argument("artifact", metavar="FILE|DIGEST", help="sha256:HEX, or a file")
    find.add_argument("--log", required=True, metavar="URL")
    find.add_argument(
        "--prove",
        metavar="URL|DIR|log",
        help="who is asked the same: a monitor, a mirror of the log's tiles, or every "
        "entry of the log itself; the two answers are compared",
    )
    find.add_argument("--predicate-type", metavar="URI", help="of these entries alone")
    find.add_argument(
        "-O", "--out-dir", type=Path, metavar="DIR", help="where stored ones are put"
    )
    add_policy_argument(find)
    add_network_arguments(find)
    listed = actions.add_parser("list", help="what a store keeps, and what is gone")
    got = actions.add_parser("get", help="one document's bytes")
    indexed = actions.add_parser("index", help="make the index of components anew")
    indexed.add_argument(
        "--most-bytes",
        type=int,
        default=INDEX_BYTES,
        metavar="BYTES",
        help="the longest SBOM that is read (default 16 MiB)",
    )
    pruned = actions.add_parser("prune", help="do what rules of retention say")
    redacted = actions.add_parser("redact", help="remove one document for good")
    for action in (listed, got, indexed, pruned, redacted):
        action.add_argument(
            "place",
            metavar="DIR|URL",
            help="a store, or a log's --data; or s3://BUCKET/PREFIX of one of these",
        )
    for action in (got, redacted):
        action.add_argument("digest", metavar="sha256:HEX")
    got.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="else standard output"
    )
    redacted.add_argument("--reason", required=True, help="one line, for everybody")
    pruned.add_argument("--rules", type=Path, required=True, metavar="retention.toml")
    pruned.add_argument(
        "--dry-run", action="store_true", help="say what would be done, do nothing"
    )
    for action in (pruned, redacted):
        action.add_argument("--log", metavar="URL", help="the log, while it runs")
        action.add_argument(
            "--config", type=Path, help="the settings of the log, if it is stopped"
        )
        action.add_argument(
            "--token-file", type=Path, help="a bearer token; else TLOG_TOKEN is used"
        )
        add_policy_argument(action)
        add_network_arguments(action)
    for action in (find, listed, got, indexed, pruned, redacted):
        action.add_argument(
            "--json", action="store_true", help="one JSON object a document"
        )


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    with telling_errors(options):
        match options.action:
            case "find":
                return _find(options)
            case "list":
                return _list(options)
            case "get":
                return _get(options)
            case "index":
                return _index(options)
            case "prune":
                return asyncio.run(_prune(options))
            case _:
                return asyncio.run(_redact(options))


def _find(options: argparse.Namespace) -> int:
    output = Output(is_answer=True)
    try:
        result = asyncio.run(_ask(options))
    except (IncompleteError, TwoHistoriesError) as error:
        for line in tell_disagreement(error, is_json=options.json):
            output.tell(line)
        output.require()
        return INCOMPLETE
    for it in result.attestations:
        output.tell(_told(options, it))
    if not options.json:
        count = len(result.attestations)
        found = f"{count or 'no'} {'entry' if count == 1 else 'entries'}"
        output.tell(f"{found}; the search covers the first {result.complete_to}")
    if result.compared_to is not None:
        output.tell(tell_agreement(result.compared_to, is_json=options.json))
    output.require()
    return 0 if result.attestations else 1


async def _ask(options: argparse.Namespace) -> AttestationResult:
    artifact = options.artifact
    if not artifact.startswith(("sha256:", "sha384:", "sha512:")):
        artifact = f"sha256:{artifact_sha256(artifact).hex()}"
    network = find_network(options)
    policy = await load_policy(options, network)
    client = open_client(
        options.log, policy, network=network, timeout_s=options.timeout
    )
    async with client as log:
        result = await log.attestations(
            artifact,
            predicate_type=options.predicate_type,
            prove=_who_proves(options.prove),
        )
        if options.out_dir is not None:
            options.out_dir.mkdir(parents=True, exist_ok=True)
            for it in result.attestations:
                document = it.document
                if document is None or document.disposition != "stored":
                    continue
                content = document.content
                if content is None:
                    content = await log.document(show_digest(document.sha256))
                write_whole(options.out_dir / document.sha256.hex(), content)
    return result


def _who_proves(named: str | None) -> str | Path | bool:
    if named is None or named == "log":
        return named is not None
    return named if "://" in named else Path(named)


def _told(options: argparse.Namespace, it: Attestation) -> str:
    predicate_type = it.entry.predicate_type if isinstance(it.entry, Record) else None
    document = it.document
    if options.json:
        told: dict[str, object] = {"index": it.index, "predicate_type": predicate_type}
        if document is not None:
            told["document"] = show_digest(document.sha256)
            told["disposition"] = document.disposition
            if document.tombstone is not None:
                told["reason"] = document.tombstone.reason
                told["entry"] = document.tombstone.entry
        return json.dumps(told)
    words = f"entry {it.index}: {predicate_type or 'no predicate type'}"
    if document is None:
        return f"{words}, names no document"
    words += f", {show_digest(document.sha256)}, {document.disposition}"
    if document.tombstone is not None:
        words += f" by entry {document.tombstone.entry}: {document.tombstone.reason}"
    return words


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[DocumentStore]:
    """Find the store that a command is about; where it is far, drafts lie here."""
    place = parse_place(options.place)
    if isinstance(place, Path):
        options.folder = place
        yield find_store(place, open_shelf)
        return
    options.folder = None
    with TemporaryDirectory(prefix="tlog-documents-") as here:
        store = find_far_store(place, Path(here), open_shelf)
        try:
            yield store
        finally:
            store.components.close()


def _list(options: argparse.Namespace) -> int:
    output = Output(is_answer=True)
    with _opened(options) as store:
        gone = {*store.beside.removed()}
        digests = sorted({*store.digests()} - gone)
        for line in store.many(partial(_listed, options, store), digests):
            output.tell(line)
        for stone in store.tombstones():
            if options.json:
                told = {"state": stone.disposition, **stone.members()}
                output.tell(json.dumps(told))
            else:
                output.tell(
                    f"{show_digest(stone.digest)}  {stone.disposition} {stone.when} by "
                    f"entry {stone.entry}: {stone.reason}"
                )
    output.require()
    return 0


def _listed(options: argparse.Namespace, store: DocumentStore, digest: bytes) -> str:
    status, facts = store.status(digest), store.facts(digest)
    told: dict[str, object] = {"digest": show_digest(digest), "state": status.state}
    told["size"] = status.size
    if facts is not None:
        told["stored"] = show_time(facts.stored_s)
        told["entries"] = [index for index, _ in facts.named]
        told["predicate_types"] = sorted({it for _, it in facts.named if it})
        told["environments"] = list(facts.environments)
    if options.json:
        return json.dumps(told)
    since = "" if facts is None else f" since {told['stored']}"
    return f"{told['digest']}  {status.state}{since}, {status.size} bytes"


def _index(options: argparse.Namespace) -> int:
    with _opened(options) as store:
        if options.folder is None:
            raise RejectedError(
                "each node makes an index of its own: stop it and remove "
                "documents-here/components.db in its --data"
            )
        count = list_anew(store)
        after: int | None = 0
        while after is not None:
            after = read_noted(store, options.most_bytes, after)
        unread = store.components.unread()
        store.components.close()
    output = Output()
    if options.json:
        output.tell(json.dumps({"sboms": count, "unread": unread}))
    else:
        output.tell(f"{count} SBOMs, {unread} of them not read")
    output.require()
    return 0


def _get(options: argparse.Namespace) -> int:
    number, at = 0, 0
    with (
        _opened(options) as store,
        store.open(parse_digest(options.digest)) as document,
    ):
        if options.out is not None:
            content = bytearray()
            while at < document.size or number == 0:
                content += (piece := document.read(number))
                number, at = number + 1, at + len(piece)
            write_whole(options.out, bytes(content))
            return 0
        while at < document.size:
            piece = document.read(number)
            sys.stdout.buffer.write(piece)
            number, at = number + 1, at + len(piece)
    sys.stdout.buffer.flush()
    return 0


async def _prune(options: argparse.Namespace) -> int:
    clock, output = SystemClock(), Output(is_answer=True)
    text = read_bounded(options.rules, str(options.rules), MAX_RULES_BYTES)
    rules = parse_rules(str(options.rules), text)
    with _opened(options) as store:
        judged = judge_all(store, rules, clock.now_s())
        for digest, size, verdict in judged:
            if options.json or verdict.action in ("expire", "cold", "hold"):
                output.tell(_pruned(options, digest, size, verdict))
        expired = [digest for digest, _, it in judged if it.action == "expire"]
        colder = [digest for digest, _, it in judged if it.action == "cold"]
        if not options.dry_run:
            for digest in colder:
                await asyncio.to_thread(store.cool, digest)
            async with _way_to_log(options) as log:
                disposer, why = Disposer(store, log, clock), options.rules
                await disposer.finish()
                await disposer.dispose("expired", expired, f"retention: {why}")
    if not options.json:
        would = "would be " if options.dry_run else ""
        output.tell(
            f"{len(judged)} documents: {len(expired)} {would}expired, "
            f"{len(colder)} {would}moved to the cold tier"
        )
    output.require()
    return 0


def _way_to_log(options: argparse.Namespace) -> AbstractAsyncContextManager[LogClient]:
    """Return the way to the log that is told first; RejectedError if it is unknown."""
    if options.log is None and options.folder is None:
        raise RejectedError(f"{options.place} is no folder: name its log by --log URL")
    return open_way_to_log(options)


def _pruned(
    options: argparse.Namespace, digest: bytes, size: int, verdict: Verdict
) -> str:
    if options.json:
        told = {"digest": show_digest(digest), "size": size, **verdict._asdict()}
        return json.dumps(told)
    return f"{verdict.action:6}  {show_digest(digest)}  {size} bytes: {verdict.why}"


async def _redact(options: argparse.Namespace) -> int:
    digest = parse_digest(options.digest)
    with _opened(options) as store:
        async with _way_to_log(options) as log:
            disposer = Disposer(store, log, SystemClock())
            stone = await disposer.redact(digest, options.reason)
    output = Output()
    if options.json:
        output.tell(json.dumps(stone.members()))
    else:
        output.tell(f"{options.digest}: {stone.disposition} by entry {stone.entry}")
    output.require()
    return 0
