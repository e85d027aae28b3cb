"""The settings of `tlog serve`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tlog.config import require_address, require_log_lines, setting
from tlogverify.errors import FormatError

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
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
