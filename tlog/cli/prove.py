"""Prove that a log only grew: that its tree of one size extends that of another.

Both trees are proven to lead to the log's head, which the policy verifies.  A signed
head that somebody kept is compared with the tree of its size.
"""

import argparse
import asyncio
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlog.cli.output import Output, telling_errors
from tlog.cli.policies import add_log_arguments, ask_log
from tlogclient import LogClient
from tlogclient.histories import History, Tree, require_same
from tlogverify import Checkpoint, Policy
from tlogverify.files import read_bounded
from tlogverify.lines import encode_base64, parse_decimal
from tlogverify.note import MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class _Named:
    """A size, or None for the present one; and the signed head that it came from."""

    size: int | None
    known: Checkpoint | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "old", metavar="OLD", help="a size; or a file with a signed head"
    )
    parser.add_argument(
        "new",
        metavar="NEW",
        nargs="?",
        help="a later one; without, the log's present head",
    )
    add_log_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print what is proven."""
    with telling_errors(options):
        asking = partial(_ask, old_text=options.old, new_text=options.new)
        history = asyncio.run(ask_log(options, asking))
    output = Output(is_answer=True)
    if options.json:
        document = {
            "origin": history.origin,
            "old": _tree(history.old),
            "new": _tree(history.new),
            "path": [encode_base64(it) for it in history.path],
        }
        output.tell(json.dumps(document))
    else:
        output.tell(
            f"{history.origin}: the tree of {history.new.size} entries extends that "
            f"of {history.old.size}"
        )
    output.require()
    return 0


def _tree(tree: Tree) -> dict[str, int | str]:
    return {"size": tree.size, "root": encode_base64(tree.root)}


async def _ask(
    log: LogClient, policy: Policy, old_text: str, new_text: str | None
) -> History:
    old = _read(old_text, policy)
    new = _Named(None) if new_text is None else _read(new_text, policy)
    history = await log.history(old.size or 0, new.size)
    require_same(history.old, old.known)
    require_same(history.new, new.known)
    return history


def _read(text: str, policy: Policy) -> _Named:
    if text.isascii() and text.isdigit():
        return _Named(parse_decimal("a size", text.encode()))
    note = read_bounded(Path(text), "a signed head", MAX_NOTE_BYTES)
    known = policy.open_checkpoint(note).checkpoint
    return _Named(known.size, known)
