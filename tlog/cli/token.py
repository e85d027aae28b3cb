"""Make, list and remove the bearer tokens of a log, in a file that it reads anew.

A new token is printed once: the file holds its SHA-256.  A log takes the change without
a restart.
"""

import argparse
import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tlog.cli.output import Output
from tlog.clock import BoundedClock, SystemClock
from tlog.errors import RejectedError
from tlog.folders import PRIVATE_FILE, write_whole
from tlog.log.admission.tokens import (
    Scope,
    Token,
    parse_scopes,
    read_tokens,
    token_hash,
)
from tlogverify.errors import FormatError

_NAME: Final = re.compile(r"[\x21-\x7e]{1,64}")
_MAX_DAYS: Final = 36_500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="the log's --tokens-file"
    )
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--add", metavar="NAME", help="make a token of this name")
    action.add_argument("--remove", metavar="NAME", help="remove the tokens so named")
    parser.add_argument(
        "--may",
        metavar="SCOPES",
        help=f"what it may do, some of {','.join(it.value for it in Scope)} "
        "(default: submit)",
    )
    parser.add_argument("--days", type=int, help="how long it lets in (default: ever)")
    parser.add_argument("--json", action="store_true", help="print JSON objects")


def run(options: argparse.Namespace) -> int:
    """Change the file as a whole, or list it."""
    if options.add is None and (options.may or options.days is not None):
        raise FormatError("--may and --days go with --add")
    if options.add is not None:
        return _add(options)
    if options.remove is not None:
        return _remove(options)
    output = Output()
    for digest, token in read_tokens(options.file).items():
        _, name, scopes, until = token.encode(digest).split(" ")
        told = {"name": name, "may": scopes.split(","), "until": until}
        output.tell(json.dumps(told) if options.json else f"{name} {scopes} {until}")
    output.require()
    return 0


def _add(options: argparse.Namespace) -> int:
    if _NAME.fullmatch(options.add) is None:
        raise FormatError(
            "a token's name has 1 to 64 printable characters", options.add
        )
    known = read_tokens(options.file) if options.file.exists() else {}
    if any(it.name == options.add for it in known.values()):
        raise RejectedError(
            f"{options.file} has a token {options.add}: --remove it first"
        )
    scopes = parse_scopes(options.may or Scope.SUBMIT.value)
    until_s = None if options.days is None else _end(options.days)
    secret = secrets.token_urlsafe(32)
    digest = token_hash(secret)
    line = Token(options.add, scopes, until_s).encode(digest)
    before = options.file.read_bytes() if known or options.file.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    output = Output(is_answer=True)
    # What nobody was told lets nobody in: the token is printed after it is stored.
    write_whole(options.file, before + f"{line}\n".encode(), mode=PRIVATE_FILE)
    told = {"name": options.add, "token": secret}
    output.tell(json.dumps(told) if options.json else secret)
    output.require()
    return 0


def _remove(options: argparse.Namespace) -> int:
    read_tokens(options.file)
    lines = options.file.read_text("utf-8").splitlines(keepends=True)
    kept = [it for it in lines if not _is_named(it, options.remove)]
    if len(kept) == len(lines):
        raise RejectedError(f"{options.file} has no token {options.remove}")
    write_whole(options.file, "".join(kept).encode(), mode=PRIVATE_FILE)
    return 0


def _is_named(line: str, name: str) -> bool:
    return not line.startswith("#") and line.split()[1:2] == [name]


def _end(days: int) -> int:
    if not 1 <= days <= _MAX_DAYS:
        raise FormatError(f"--days is 1 to {_MAX_DAYS}", days)
    now = datetime.fromtimestamp(BoundedClock(SystemClock()).now_s(), UTC)
    return int((now + timedelta(days=days)).timestamp())
