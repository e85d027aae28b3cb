"""Start stand-ins of what Sigstore's clients need beside a log, for trial only.

A certificate authority, its CT log, a timestamp authority and an identity provider
listen on loopback until Ctrl-C.  Their public files, and an identity token of somebody,
are written into a folder.  Whoever can read the token gets certificates in that name;
all of it is made anew at each start, and nobody else may trust any of it.
"""

import argparse
import json
import re
import shlex
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from types import ModuleType
from typing import Final

from tlog.cli.output import Output
from tlog.cli.verbs import load
from tlog.errors import RejectedError
from tlog.folders import PRIVATE_FILE, write_whole
from tlogverify.errors import FormatError

IDENTITY: Final = "me@example.org"
RENEWED_S: Final = 300
"""A token lives for ten minutes."""

_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,190}")
_LOUDLY: Final = (
    "FOR TRIAL ONLY: these services believe anybody on this machine. Trust nothing "
    "that they sign, and hand their files to nobody."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="where fulcio.pem, ctlog.pem, tsa.pem and token are written",
    )
    parser.add_argument(
        "--identity",
        default=IDENTITY,
        metavar="EMAIL",
        help=f"whom the token names (default: {IDENTITY})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, and renew the token meanwhile."""
    if _EMAIL.fullmatch(options.identity) is None:
        raise FormatError("--identity is an address of mail", options.identity)
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    with _stand_ins().neighbours() as beside:
        flags = beside.flags(folder)
        told = {
            "fulcio": beside.fulcio_url,
            "tsa": beside.tsa_url,
            "issuer": beside.provider.issuer,
            "identity": options.identity,
            "token": str(folder / "token"),
            "flags": flags,
        }

        def renew() -> None:
            token = beside.provider.token(options.identity).encode()
            write_whole(folder / "token", token, mode=PRIVATE_FILE)

        with _signalled() as signals:
            renew()
            _announce(told, as_json=options.json)
            while not select([signals], [], [], RENEWED_S)[0]:
                renew()
    return 0


@contextmanager
def _signalled() -> Iterator[socket.socket]:
    """Give what can be read from once a signal has asked for the end.

    A handler that sets an event would wait for ever for the lock that the wait which it
    interrupts may hold.
    """
    reading, writing = socket.socketpair()
    with reading, writing:
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(before)


def _announce(told: dict[str, object], *, as_json: bool) -> None:
    output, flags = Output(), told["flags"]
    shown = shlex.join(flags) if isinstance(flags, list) else ""
    lines = [
        _LOUDLY,
        f"token  {told['token']}, of {told['identity']}, renewed each "
        f"{RENEWED_S // 60} minutes",
        f"flags  tlog sigstore-config {shown}",
        "serving until Ctrl-C",
    ]
    for line in [json.dumps({"trial": _LOUDLY, **told})] if as_json else lines:
        output.tell(line)
    output.require()


def _stand_ins() -> ModuleType:
    try:
        return load("standins")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"asn1crypto", "jwt"}:
            raise
        raise RejectedError(
            "stand-ins need two packages: pip install 'tlog-server[trial]'"
        ) from error
