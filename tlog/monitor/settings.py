"""The settings of `tlog monitor`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from tlog.config import listen_address, require_bounds, setting
from tlog.log_lines import LOG_FORMATS, LOG_LEVELS
from tlogverify.errors import FormatError


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """All settings of `tlog monitor`; FormatError if one is out of bounds."""

    variables: ClassVar[str] = "TLOG_MONITOR_"

    log: str = setting(
        "", "the log: its URL, or a folder that holds checkpoint and tile/; needed"
    )
    policy: Path | None = setting(
        None,
        "a policy: whose heads to believe, and which witnesses; a file, or a name as "
        "`tlog verify` finds it; needed",
    )
    state: Path | None = setting(
        None, "the folder of what the monitor remembers; made if it is new; needed"
    )
    watch: tuple[str, ...] = setting(
        (),
        "digests (sha256:, sha384: or sha512: and hex), identity:TEXT or issuer:TEXT "
        "of certificates, pkg:TYPE/NAME@VERSION in SBOMs, or files, keys, certificates",
    )
    watch_file: Path | None = setting(
        None, "a file of watches, one a line; read again whenever it changes"
    )
    once: bool = setting(False, "verify up to the present head, then end")
    tiles: bool = setting(
        False, "compare all hash tiles of the log in each round, not a sample of them"
    )
    interval_s: int = setting(10, "time between two rounds", least=1)
    stalled_after_s: int = setting(
        86_400, "alarm if the log has not grown for so long; 0 for never", least=0
    )
    unreachable_after_s: int = setting(
        600, "alarm if the log has not answered for so long", least=0
    )
    connections: int = setting(8, "requests under way at a time", least=1)
    timeout_s: int = setting(60, "the most that one request may take", least=1)
    webhook: str = setting("", "URL that each alarm is posted to")
    webhook_secret_file: Path | None = setting(
        None, "file of mode 0600 with the secret that signs what is posted"
    )
    listen: str = setting(
        "", "HOST:PORT for /metrics, /healthz and /readyz; empty for none"
    )
    log_format: str = setting(
        "auto",
        "json, text, or auto: text on a terminal",
        choices=LOG_FORMATS,
    )
    log_level: str = setting(
        "info", "debug, info, warning or error", choices=LOG_LEVELS
    )

    def __post_init__(self) -> None:
        require_bounds(self)
        if self.listen:
            listen_address(self.listen)
        if is_url(self.log):
            require_url("log", self.log)
        if self.webhook:
            require_url("webhook", self.webhook)


def is_url(place: str) -> bool:
    """Tell whether this is a URL, and not the path of a folder."""
    return "://" in place


def require_url(name: str, url: str) -> None:
    """Raise FormatError unless `url` is one of HTTP that holds no secret."""
    try:
        parts = urlsplit(url)
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        raise FormatError(f"{name} is a URL", url) from None
    if parts.scheme not in {"http", "https"} or not hostname:
        raise FormatError(f"{name} starts with http:// or https:// and a host", url)
    # What is found wrong here is not shown: it may be a password.
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise FormatError(f"{name} has no user and no fragment")
