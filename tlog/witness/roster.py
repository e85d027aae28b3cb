"""The logs that a witness knows: told by the operator, and added from a list.

    logs/v0
    vkey <verifier key>
    [origin <origin>]      the key's name, if it is left out
    qpd <requests a day>
    contact <free text>
    ...                    and so on for each log

Lines are trimmed; blank ones and those that start with # say nothing.  A list adds
logs.  It never removes or changes one: a list that somebody else controls must not be
able to hand a log's name to another key.

Source: C2SP tlog-list (witness-network `logs/v0`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tlog.errors import RejectedError
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key
from tlogverify.lines import parse_decimal, parse_text

MAX_LIST_BYTES: Final = 64 << 20
MAX_LIST_LINES: Final = 1 << 20
"""Lines of one byte would take a hundred times their size in memory."""

MAX_QPD: Final = 2**31 - 1

_FIRST: Final = b"logs/v0"
_LOG_TYPES: Final = (KeyType.ED25519, KeyType.MLDSA44)


class UnknownOriginError(RejectedError):
    """This witness does not know the log."""

    def __init__(self, origin: str) -> None:
        super().__init__(f"this witness does not know {origin!r}")


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that a witness cosigns for.

    keys: one or more; any of them may sign.  qpd: cosignatures a day.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    qpd: int


@dataclass(frozen=True, slots=True)
class LogList:
    """A parsed list; skipped: keys in it that are of no known type or malformed."""

    logs: tuple[KnownLog, ...]
    skipped: int


class Roster:
    """The logs by origin; it grows and never shrinks or changes.

    own_name: the witness's, which no log may bear: its key would speak for both.
    """

    def __init__(self, logs: Iterable[KnownLog], own_name: str) -> None:
        self._own_name = own_name
        self._logs: dict[str, KnownLog] = {}
        for log in logs:
            if self._is_own(log):
                raise RejectedError(f"{own_name} is the witness itself")
            self._logs[log.origin] = log

    def __len__(self) -> int:
        return len(self._logs)

    def get(self, origin: str) -> KnownLog:
        """Return the log of `origin`; UnknownOriginError if it is not known."""
        log = self._logs.get(origin)
        if log is None:
            raise UnknownOriginError(origin)
        return log

    def new_of(self, logs: Iterable[KnownLog]) -> list[KnownLog]:
        """Return the logs that can be added: of a new origin, and not the witness."""
        return [
            log
            for log in logs
            if log.origin not in self._logs and not self._is_own(log)
        ]

    def add_new(self, logs: Iterable[KnownLog]) -> list[KnownLog]:
        """Add the logs that can be added; return those."""
        new = self.new_of(logs)
        self._logs.update({log.origin: log for log in new})
        return new

    def _is_own(self, log: KnownLog) -> bool:
        return self._own_name in {log.origin, *(key.name for key in log.keys)}


def parse_logs(vkeys: Sequence[str], *, qpd: int) -> list[KnownLog]:
    """Return the logs of an operator's verifier keys; those of one name are one log's.

    Raises FormatError for a malformed key, or one of a type that no log has.
    """
    keys: dict[str, list[VerifierKey]] = {}
    for vkey in vkeys:
        key = _parse_log_key(vkey.encode("utf-8", "surrogateescape"))
        if key in keys.setdefault(key.name, []):
            raise FormatError("a log's key stands here twice", key.name)
        keys[key.name].append(key)
    return [KnownLog(name, tuple(some), qpd) for name, some in keys.items()]


def parse_log_list(text: bytes) -> LogList:
    """Parse a list of logs.

    A key of an unknown type is passed over, with its log: it may be newer than this
    software.  Everything else that breaks the form refuses the whole list.

    Raises FormatError naming the line.
    """
    if len(text) > MAX_LIST_BYTES:
        raise FormatError(f"a log list has at most {MAX_LIST_BYTES} bytes")
    if text.count(b"\n") > MAX_LIST_LINES:
        raise FormatError(f"a log list has at most {MAX_LIST_LINES} lines")
    stripped = ((n, it.strip(b" \t")) for n, it in enumerate(text.split(b"\n"), 1))
    lines = [(n, it) for n, it in stripped if it and not it.startswith(b"#")]
    if not lines or lines.pop(0)[1] != _FIRST:
        raise FormatError(f"a log list starts with {_FIRST.decode()}", text[:32])
    logs: dict[str, KnownLog] = {}
    skipped = 0
    for number, fields in _entries(lines):
        try:
            log = _parse_entry(fields)
        except FormatError as error:
            raise FormatError(f"log list line {number}: {error}") from None
        if log is None:
            skipped += 1
        elif log.origin in logs:
            raise FormatError(f"log list line {number}: an origin twice", log.origin)
        else:
            logs[log.origin] = log
    return LogList(tuple(logs.values()), skipped)


def _entries(
    lines: list[tuple[int, bytes]],
) -> Iterable[tuple[int, dict[bytes, bytes]]]:
    """Cut the lines into logs; each begins with `vkey`, and its keys have one order."""
    at = 0
    while at < len(lines):
        number, fields = lines[at][0], dict[bytes, bytes]()
        for name in (b"vkey", b"origin", b"qpd", b"contact"):
            found, space, value = (
                lines[at][1].partition(b" ") if at < len(lines) else (b"", b"", b"")
            )
            if found == name and space:
                fields[name] = value.strip(b" \t")
                at += 1
            elif name != b"origin":
                place = lines[min(at, len(lines) - 1)][0]
                raise FormatError(f"log list line {place}: {name.decode()} is missing")
        yield number, fields


def _parse_entry(fields: Mapping[bytes, bytes]) -> KnownLog | None:
    qpd = parse_decimal("qpd", fields[b"qpd"], MAX_QPD)
    if qpd == 0:
        raise FormatError("qpd is at least 1")
    origin = None
    if b"origin" in fields:
        origin = parse_text("an origin", fields[b"origin"])
    try:
        key = _parse_log_key(fields[b"vkey"])
    except FormatError:
        return None
    return KnownLog(origin or key.name, (key,), qpd)


def _parse_log_key(vkey: bytes) -> VerifierKey:
    key = parse_verifier_key(vkey)
    if key.key_type not in _LOG_TYPES:
        raise FormatError("a log's key has type 01 or 06", key.name)
    return key
