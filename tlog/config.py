"""Settings: flags, then the environment, then one TOML file, then the default.

The machinery alone: each group of settings stands beside the part that it configures.

Every field of a command's settings is a setting: `publish_interval_ms` of `tlog serve`
is `--publish-interval-ms`, `TLOG_PUBLISH_INTERVAL_MS` and `publish_interval_ms = 250`.
A TOML table's name goes before those in it: `[witness] policy` is `witness_policy`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.toml import parse_toml

MAX_FILE_BYTES: Final = 1 << 20

# Segments that no client, proxy or router reads in two ways.
_PREFIX: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOST_CHARS: Final = 253
_TRUE: Final = {"1": True, "true": True, "0": False, "false": False}


class SettingsFields(Protocol):
    """A dataclass of settings."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class CommandSettings(SettingsFields, Protocol):
    """The settings of one command: a dataclass whose constructor checks them.

    variables: what stands before a setting's name in the environment.
    """

    variables: ClassVar[str]


_Kind = TypeVar("_Kind", bound=CommandSettings)


def setting(
    default: Any,
    explanation: str,
    *,
    least: int | None = None,
    most: int | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return the field of one setting: its default, its help, and its bounds.

    least, most: of a number, both inclusive.  choices: all that a text may be.
    """
    # Any, as `dataclasses.field` has it: the annotation beside each field is its type.
    bounds = {"least": least, "most": most, "choices": choices}
    return field(default=default, metadata={"help": explanation, **bounds})


@dataclass(frozen=True, kw_only=True)
class SettingsGroup:
    """Settings of one part, which stand beside it; FormatError if out of bounds.

    A command's settings inherit from the groups of its parts.  Two slotted classes
    cannot be inherited from at once, so groups have no slots.

    retired: settings that are gone, and what to write in the place of each.
    """

    retired: ClassVar[Mapping[str, str]] = {}

    def __post_init__(self) -> None:
        require_bounds(self)


def require_bounds(settings: SettingsFields) -> None:
    """Raise FormatError for the first setting that is not within its own bounds."""
    for it in fields(settings):
        value, bounds = getattr(settings, it.name), it.metadata
        if bounds["choices"] and value not in bounds["choices"]:
            *others, last = bounds["choices"]
            raise FormatError(f"{it.name} is {', '.join(others)} or {last}", value)
        if value is None:
            continue
        if bounds["least"] is not None and value < bounds["least"]:
            raise FormatError(f"{it.name} is at least {bounds['least']}", value)
        if bounds["most"] is not None and value > bounds["most"]:
            raise FormatError(f"{it.name} is at most {bounds['most']}", value)


def retired_settings(kind: type[CommandSettings]) -> dict[str, str]:
    """Return the settings of all groups that are gone, and what to write instead."""
    return {
        name: advice
        for group in kind.__mro__
        for name, advice in vars(group).get("retired", {}).items()
    }


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
    gone = retired_settings(kind)
    values: dict[str, object] = {}
    for name, value in _toml(file, set(known)).items():
        _require_present(name, gone, str(file))
        if name not in known:
            raise FormatError(f"{file} has an unknown setting", name)
        values[name] = _parse(kind, name, value, str(file))
    for name in sorted(known.keys() | gone):
        if (variable := f"{kind.variables}{name.upper()}") in environment:
            _require_present(name, gone, variable)
            text = environment[variable]
            # One variable holds several values as words, because no value has a space
            # in it.
            value = text.split() if isinstance(known[name], tuple) else text
            values[name] = _parse(kind, name, value, variable)
    for name, value in flags.items():
        flag = flag_of(name)
        _require_present(name, gone, flag)
        values[name] = _parse(kind, name, value, flag)
    return kind(**values)


def flag_of(name: str) -> str:
    """Return a setting's flag."""
    return f"--{name.replace('_', '-')}"


def _require_present(name: str, gone: Mapping[str, str], where: str) -> None:
    if name in gone:
        raise FormatError(f"{where}: {name} is gone: {gone[name]}")


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
    annotation = next(it.type for it in fields(kind) if it.name == name)
    parse, wish = _TYPES[annotation]
    try:
        parsed = parse(value)
        # Alone with the defaults, so that an error belongs to this value.
        kind(**{name: parsed})
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    except (KeyError, ValueError):
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


def parse_place(text: str) -> Path | str:
    """Return the URL of a bucket as it is, and all else as a path.

    Raises FormatError for a URL with more than a bucket and a prefix.
    """
    if text.startswith("s3://"):
        require_bucket_url("a bucket", text)
        return text
    return Path(text)


def require_bucket_url(name: str, url: str) -> None:
    """Raise FormatError, which shows no secret, unless a URL is a bucket's alone."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise FormatError(f"{name} is a URL, s3://BUCKET/PREFIX") from None
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc:
        raise FormatError(f"{name} is a URL without secrets, s3://BUCKET/PREFIX")
    if parts.query or parts.fragment:
        raise FormatError(f"{name} is a bucket and a prefix alone")


def require_plain_path(name: str, origin: str) -> None:
    """Raise FormatError unless an origin can be a part of a key in a bucket."""
    if not origin or _PREFIX.fullmatch(f"/{origin}") is None:
        raise FormatError(f"{name} in a bucket is a plain path", origin)


def _parse_folder(value: object) -> Path | str:
    return parse_place(_parse_str(value))


def _parse_place(value: object) -> Path | str | bool:
    if isinstance(value, bool):
        return value
    text = _parse_str(value)
    return _TRUE[text.lower()] if text.lower() in _TRUE else parse_place(text)


def _parse_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(_parse_str(it) for it in value)


_NUMBER: Final = (_parse_int, "a whole number")
_PATH: Final = (_parse_path, "a path")
PLACE: Final = Path | str | bool
"""The annotation of a setting that is off, on at its usual place, or on elsewhere."""

_TYPES: Final[dict[object, tuple[Callable[[object], object], str]]] = {
    bool: (_parse_bool, "true, false, 1 or 0"),
    int: _NUMBER,
    int | None: _NUMBER,
    str: (_parse_str, "a text"),
    Path: _PATH,
    Path | None: _PATH,
    PLACE: (_parse_place, "true, false, a path or s3://BUCKET/PREFIX"),
    Path | str | None: (_parse_folder, "a path or s3://BUCKET/PREFIX"),
    tuple[str, ...]: (_parse_texts, 'a list of texts; in TOML ["…"]'),
}
"""The parser of each field's annotation, and the rule that a wrong value breaks."""
