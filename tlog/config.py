"""Settings: flags, then the environment, then one TOML file, then the default.

Every field of a command's settings is a setting: `publish_interval_ms` of `tlog serve`
is `--publish-interval-ms`, `TLOG_PUBLISH_INTERVAL_MS` and `publish_interval_ms = 250`.
A TOML table's name goes before those in it: `[witness] policy` is `witness_policy`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeVar

from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.toml import parse_toml

MAX_FILE_BYTES: Final = 1 << 20

_LEAST: Final = {
    "publish_interval_ms": 0,
    "max_pool_entries": 1,
    "max_pool_bytes": 1,
    "max_backlog_bytes": 1,
    "tile_cache_tiles": 0,
    "rate_entries_per_s": 0,
    "rate_burst_entries": 1,
    "witness_interval_ms": 1,
    "witness_timeout_ms": 1,
    "witness_wait_ms": 0,
    "witness_patience_s": 0,
}
# Segments that no client, proxy or router reads in two ways.
_PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_CHARS: Final = 253
_TRUE: Final = {"1": True, "true": True, "0": False, "false": False}


class CommandSettings(Protocol):
    """The settings of one command: a dataclass whose constructor checks them.

    variables: what stands before a setting's name in the environment.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    variables: ClassVar[str]


_Kind = TypeVar("_Kind", bound=CommandSettings)


def setting(default: Any, explanation: str) -> Any:
    """Return the field of one setting: its default, and its help for people."""
    # Any, as `dataclasses.field` has it: the annotation beside each field is its type.
    return field(default=default, metadata={"help": explanation})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of `tlog serve`; FormatError if one is out of bounds."""

    variables: ClassVar[str] = "TLOG_"

    data: Path = setting(Path("tlog-data"), "the log's folder; made if it is new")
    origin: str = setting(
        "",
        "the log's name, such as log.example.org; needed at the first start, "
        "then remembered",
    )
    listen: str = setting("127.0.0.1:8080", "HOST:PORT; port 0 takes a free one")
    prefix: str = setting("", "URL path that all endpoints stand below, as /log")
    mldsa44: bool = setting(False, "sign heads with ML-DSA-44 too")
    publish_interval_ms: int = setting(
        250, "least time between two public checkpoints; the first comes at once"
    )
    max_pool_entries: int = setting(
        50_000, "entries that may wait for a commit; above it requests get 503"
    )
    max_pool_bytes: int = setting(
        64 << 20, "bytes of entries that may wait for a commit; as max_pool_entries"
    )
    max_backlog_bytes: int = setting(
        32 << 20, "committed bytes that may wait for their tiles; above it commits wait"
    )
    tile_cache_tiles: int = setting(
        4_096, "full tiles kept in memory for proofs, 16 KiB each"
    )
    tokens_file: Path | None = setting(
        None,
        "lines of '<sha256 of a token, hex> <name>'; if set, submitting needs a "
        "bearer token",
    )
    rate_entries_per_s: int = setting(
        0, "entries a second for each token or address; 0 is no limit"
    )
    rate_burst_entries: int = setting(
        10_000, "entries that one client may submit at once when it has been quiet"
    )
    trust_forwarded_for: bool = setting(
        False, "take a client's address from X-Forwarded-For; for use behind a proxy"
    )
    witness_policy: Path | None = setting(
        None,
        "a tlog-policy file with the URLs of witnesses; if set, heads are public when "
        "its quorum has cosigned them",
    )
    witness_interval_ms: int = setting(
        1_000, "least time between two heads that are sent to witnesses"
    )
    witness_timeout_ms: int = setting(
        5_000, "how long one request to a witness may take"
    )
    witness_wait_ms: int = setting(
        10_000, "how long a submission waits for a cosigned head; after it 202"
    )
    witness_quorum_lost: str = setting(
        "hold",
        "hold: without the quorum the public checkpoint stays; publish: it goes on "
        "after witness_patience_s",
    )
    witness_patience_s: int = setting(
        60, "with witness_quorum_lost publish: how long the quorum may be missing"
    )
    witness_demo: bool = setting(
        False, "run a witness inside the log, to try it out: it proves nothing"
    )
    frozen: bool = setting(
        False, "take no more entries; what is there is served as before"
    )
    sigstore: bool = setting(
        False, "serve Sigstore's clients too: POST /api/v2/log/entries"
    )
    sigstore_dsse: str = setting(
        "hashedrekord",
        "what an envelope (dsseRequestV002) is logged as: hashedrekord; legacy: dsse, "
        "as clients of before 2026 want it; reject: not at all",
    )
    sigstore_duplicates: str = setting(
        "existing",
        "what a Sigstore client gets for an entry that the log has: existing, its "
        "proof; conflict, status 409",
    )
    log_format: str = setting("auto", "json, text, or auto: text on a terminal")
    log_level: str = setting("info", "debug, info, warning or error")

    def __post_init__(self) -> None:
        require_address(self.listen, self.prefix)
        self._require_sigstore()
        require_log_lines(self.log_format, self.log_level)
        if self.witness_quorum_lost not in {"hold", "publish"}:
            raise FormatError(
                "witness_quorum_lost is hold or publish", self.witness_quorum_lost
            )
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise FormatError(f"{name} is at least {least}", getattr(self, name))

    def _require_sigstore(self) -> None:
        if self.sigstore_dsse not in {"hashedrekord", "legacy", "reject"}:
            raise FormatError(
                "sigstore_dsse is hashedrekord, legacy or reject", self.sigstore_dsse
            )
        if self.sigstore_duplicates not in {"existing", "conflict"}:
            raise FormatError(
                "sigstore_duplicates is existing or conflict", self.sigstore_duplicates
            )
        if self.sigstore and self.prefix:
            raise FormatError(
                "with sigstore the log is at the root of its host, without a prefix",
                self.prefix,
            )


def require_bare_host(origin: str) -> None:
    """Raise FormatError unless `origin` is what Sigstore's clients compare.

    That is the host of the log's URL alone: lower case, no port and no path.
    """
    labels = origin.split(".")
    if len(origin) > _HOST_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise FormatError(
            "with sigstore the origin is the bare host name of the log's URL, as "
            "log.example.org, without scheme, port or path; an origin never changes: "
            "for another one choose another folder",
            origin,
        )


def require_address(listen: str, prefix: str) -> None:
    """Raise FormatError unless a server can listen there, below that path."""
    listen_address(listen)
    if _PREFIX.fullmatch(prefix) is None:
        raise FormatError("prefix is a plain path as /log, or empty", prefix)


def require_log_lines(log_format: str, log_level: str) -> None:
    """Raise FormatError for an unknown form or level of log lines."""
    if log_format not in {"auto", "json", "text"}:
        raise FormatError("log_format is auto, json or text", log_format)
    if log_level not in {"debug", "info", "warning", "error"}:
        raise FormatError("log_level is debug, info, warning or error", log_level)


def load_settings(
    kind: type[_Kind],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    file: Path | None,
) -> _Kind:
    """Return the settings that the three sources add up to.

    flags: by field name, as text or a list of texts; only those that were given.

    Raises FormatError naming an unknown or malformed setting and where it was found.
    """
    known = {it.name: it.default for it in fields(kind)}
    values: dict[str, object] = {}
    for name, value in _toml(file, set(known)).items():
        if name not in known:
            raise FormatError(f"{file} has an unknown setting", name)
        values[name] = _parse(kind, name, value, str(file))
    for name in sorted(known):
        if (variable := f"{kind.variables}{name.upper()}") in environment:
            text = environment[variable]
            # Several values in one variable are words: none of them holds a space.
            value = text.split() if isinstance(known[name], tuple) else text
            values[name] = _parse(kind, name, value, variable)
    for name, value in flags.items():
        values[name] = _parse(kind, name, value, f"--{name.replace('_', '-')}")
    return kind(**values)


def listen_address(listen: str) -> tuple[str, int]:
    """Split HOST:PORT; FormatError unless both are there.  [::1]:80 is understood."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or re.fullmatch(r"0|[1-9][0-9]{0,4}", port) is None:
        raise FormatError("listen is HOST:PORT", listen)
    if int(port) > 65_535:
        raise FormatError("a port is at most 65535", port)
    return host, int(port)


def _toml(file: Path | None, known: set[str]) -> dict[str, object]:
    if file is None:
        return {}
    text = read_bounded(file, str(file), MAX_FILE_BYTES)
    document = parse_toml(str(file), text, MAX_FILE_BYTES)
    values: dict[str, object] = {}
    for name, value in document.items():
        inner: dict[str, object] = {"": value}
        if isinstance(value, dict) and name not in known:
            inner = value
        for rest, it in inner.items():
            flat = f"{name}_{rest}" if rest else name
            if flat in values:
                raise FormatError(f"{file} has a setting twice", flat)
            values[flat] = it
    return values


def _parse(kind: type[_Kind], name: str, value: object, where: str) -> object:
    """Turn a value as text, or as TOML typed it, into its field's type."""
    default = next(it.default for it in fields(kind) if it.name == name)
    try:
        parsed = _PARSERS[type(default)](value)
        # Alone with the defaults, so that an error belongs to this value.
        kind(**{name: parsed})
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    except (KeyError, ValueError):
        wish = _WISHES[type(default)]
        raise FormatError(f"{where}: {name} is {wish}", value) from None
    return parsed


def _parse_int(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]{0,18})", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    return value


def _parse_bool(value: object) -> bool:
    return value if isinstance(value, bool) else _TRUE[str(value).lower()]


def _parse_str(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _parse_path(value: object) -> Path:
    return Path(_parse_str(value))


def _parse_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(_parse_str(it) for it in value)


_WISHES: Final[dict[type, str]] = {
    bool: "true, false, 1 or 0",
    int: "a whole number",
    str: "a text",
    tuple: 'a list of texts; in TOML ["…"]',
    type(Path()): "a path",
    type(None): "a path",
}
_PARSERS: Final[dict[type, Callable[[object], object]]] = {
    bool: _parse_bool,
    int: _parse_int,
    str: _parse_str,
    tuple: _parse_texts,
    type(Path()): _parse_path,
    type(None): _parse_path,
}
