"""Write what Sigstore's clients need to use a log: trust, and where to submit.

Three files: trusted_root.json, signing_config.json, and client_trust_config.json, which
holds both.  A Fulcio, CT log and timestamp authority come from documents that are there
already (--merge), or from their certificates and keys.  --tuf publishes the first two
as a TUF repository, for clients that fetch them.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tlog.cli.output import Output
from tlog.cli.policies import add_policy_argument, load_policy
from tlog.cli.trust import (
    add_days_argument,
    keys_beside,
    load_repositories,
    parse_days,
)
from tlog.clock import SystemClock
from tlog.folders import making_folder, write_all_whole
from tlog.sigstore import (
    MAX_DOCUMENT_BYTES,
    MAX_PEM_BYTES,
    NS_PER_S,
    ClientDocuments,
    Document,
    LogInstance,
    Neighbours,
    certificate_authority,
    choose_log_keys,
    combine,
    count_neighbours,
    ct_log,
    endpoint,
    make_documents,
    moment_of_use,
    name_gaps,
    parse_existing,
    require_operator,
    require_root_url,
    require_url,
    timestamp_authority,
)
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

_COUNTED: Final = {
    "logs": "other Rekor logs to verify by",
    "authorities": "Fulcio authorities to trust",
    "ctlogs": "CT logs",
    "timestamp_authorities": "timestamp authorities to trust",
    "ca_urls": "Fulcio URLs",
    "oidc_urls": "identity providers",
    "tsa_urls": "timestamp authority URLs",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--log",
        required=True,
        metavar="URL",
        help="the log; asked for its key without a policy",
    )
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="made if it is not there"
    )
    add_policy_argument(parser)
    parser.add_argument(
        "--base-url", metavar="URL", help="the log's public URL (default: --log)"
    )
    parser.add_argument("--operator", metavar="NAME", help="default: the host name")
    parser.add_argument(
        "--start",
        metavar="TIME",
        help="since when the log is used, RFC 3339; give the same when the files are "
        "made again (default: now)",
    )
    parser.add_argument(
        "--end",
        metavar="TIME",
        help="when keys of the log retired, likewise, if the policy names any",
    )
    parser.add_argument(
        "--keep-logs", action="store_true", help="take over merged Rekor logs too"
    )
    for flag, form, what in (
        ("--merge", "FILE", "a TrustedRoot, SigningConfig or ClientTrustConfig"),
        ("--ctlog", "URL=KEY.pem", "a CT log, and its public key"),
    ):
        parser.add_argument(
            flag, action="append", default=[], metavar=form, help=f"{what}; repeatable"
        )
    for flag, form, what in (
        ("--fulcio", "URL=CHAIN.pem", "a Fulcio, and its chain up to the root"),
        ("--tsa", "URL=CHAIN.pem", "a timestamp authority, and its chain"),
        ("--oidc", "URL", "an identity provider"),
    ):
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar=form,
            help=f"{what}; asked in place of merged ones",
        )
    parser.add_argument(
        "--tuf", type=Path, metavar="DIR", help="publish a TUF repository too, in DIR"
    )
    parser.add_argument(
        "--tuf-keys", type=Path, metavar="DIR", help="its keys (default: DIR.keys)"
    )
    add_days_argument(parser, "--tuf-days")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write the files, each whole, and say what is in them and what is missing."""
    require_url("--log", options.log)
    url = options.log if options.base_url is None else options.base_url
    host = require_root_url(url)
    # Before the log is asked: what is wrong with the files is known without it.
    now_ns = SystemClock().now_s() * NS_PER_S
    start = _format_time(now_ns) if options.start is None else options.start
    moment_ns = moment_of_use(start, now_ns)
    operator = host if options.operator is None else options.operator
    require_operator(operator)
    if options.tuf is not None:
        parse_days(options.tuf_days)
        load_repositories()
    given = _read_flags(options, start, operator)
    merged = list(_read_files(options))
    policy = asyncio.run(load_policy(options))
    keys = choose_log_keys(policy.logs, url)
    if keys.retired and options.start is None:
        raise FormatError("with keys that retired --start says when the first began")
    end = _format_time(now_ns) if options.end is None else options.end
    log = LogInstance(url, keys, start, operator, end)
    neighbours = combine(given, merged, log.log_ids, moment_ns)
    documents = make_documents(log, neighbours)
    paths = _write(options.out, documents)
    late = [] if options.tuf is None else _publish(options, documents)
    counts = count_neighbours(neighbours, moment_ns)
    gaps = [*name_gaps(log, neighbours, now_ns), *late]
    output = Output()
    if options.json:
        told = {"log_id": log.log_id.hex(), "start": start}
        document = {**paths, **told, "services": counts, "missing": gaps}
        output.tell(json.dumps(document))
    else:
        lines = [
            *paths.values(),
            f"log {url}, id {log.log_id.hex()}, used since {start}",
        ]
        lines += [
            f"{it}: {counts[name]}" for name, it in _COUNTED.items() if counts[name]
        ]
        for line in (*lines, *gaps):
            output.tell(line)
    output.require()
    return 0


def _format_time(moment_ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment_ns // NS_PER_S))


def _read_flags(options: argparse.Namespace, start: str, operator: str) -> Neighbours:
    """Return what flags name."""
    for flag in ("fulcio", "tsa", "oidc"):
        if len(found := getattr(options, flag)) > 1:
            raise FormatError(
                f"--{flag} is given once: of one operator clients ask one", len(found)
            )
    fulcios = list(_read_pairs(options.fulcio))
    stampers = list(_read_pairs(options.tsa))
    for url in options.oidc:
        require_url("the identity provider's URL", url)
    return Neighbours(
        authorities=tuple(_named(it, certificate_authority) for it in fulcios),
        ctlogs=tuple(_named(it, ct_log) for it in _read_pairs(options.ctlog)),
        timestamp_authorities=tuple(_named(it, timestamp_authority) for it in stampers),
        ca_urls=tuple(endpoint(url, 1, start, operator) for url, _, _ in fulcios),
        oidc_urls=tuple(endpoint(url, 1, start, operator) for url in options.oidc),
        tsa_urls=tuple(endpoint(url, 1, start, operator) for url, _, _ in stampers),
    )


def _read_files(options: argparse.Namespace) -> Iterator[tuple[str, Neighbours]]:
    """Return of each merged file its name and what it has."""
    for path in options.merge:
        text = read_bounded(Path(path), path, MAX_DOCUMENT_BYTES)
        try:
            existing = parse_existing(text, keep_logs=options.keep_logs)
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from None
        yield path, existing


def _read_pairs(pairs: list[str]) -> Iterator[tuple[str, bytes, str]]:
    """Return URL, content of the file, and the file's name, of each URL=FILE."""
    for pair in pairs:
        # A URL may hold an equals sign too: the last one separates.
        url, separator, path = pair.rpartition("=")
        if not separator or not path:
            raise FormatError("the argument is URL=FILE", pair)
        yield url, read_bounded(Path(path), path, MAX_PEM_BYTES), path


def _named(
    pair: tuple[str, bytes, str],
    make: Callable[[str, bytes], Document],
) -> Document:
    url, content, path = pair
    try:
        return make(url, content)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None


def _publish(options: argparse.Namespace, documents: ClientDocuments) -> list[str]:
    """Publish what clients fetch as a TUF repository; return what is left to do."""
    keys = keys_beside(options.tuf, options.tuf_keys)
    place = load_repositories().Place(options.tuf, keys, parse_days(options.tuf_days))
    left: list[str] = place.publish(
        {
            "trusted_root.json": _encode(documents.trusted_root),
            "signing_config.v0.2.json": _encode(documents.signing_config),
        }
    )
    return left


def _encode(document: Document) -> bytes:
    # One line and its end: `gh attestation` reads lines, each of them a trusted root.
    return (json.dumps(document) + "\n").encode()


def _write(folder: Path, documents: ClientDocuments) -> dict[str, str]:
    """Write the three files, each replaced as a whole; return their paths.

    Trust goes first: who reads between the renames submits to nothing that is not
    trusted yet.
    """
    with making_folder(folder):
        folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "trusted_root": documents.trusted_root,
        "signing_config": documents.signing_config,
        "client_trust_config": documents.client_trust_config,
    }
    paths = {name: folder / f"{name}.json" for name in parts}
    write_all_whole(
        {paths[name]: _encode(document) for name, document in parts.items()}
    )
    return {name: str(path) for name, path in paths.items()}
