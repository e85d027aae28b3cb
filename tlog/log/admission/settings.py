"""Who may submit, how much, and in which forms."""

from dataclasses import dataclass
from pathlib import Path

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class AdmissionSettings(SettingsGroup):
    """What the gate asks of each request."""

    tokens_file: Path | None = setting(
        None,
        "lines of '<sha256 of a token, hex> <name>', as tlog token writes them; if "
        "set, submitting needs a bearer token; read again when it changes",
    )
    rate_entries_per_s: int = setting(
        0, "entries a second for each token or address; 0 is no limit", least=0
    )
    rate_burst_entries: int = setting(
        10_000,
        "entries that one client may submit at once when it has been quiet",
        least=1,
    )
    trust_forwarded_for: bool = setting(
        False, "take a client's address from X-Forwarded-For; for use behind a proxy"
    )
    frozen: bool = setting(
        False, "take no more entries; what is there is served as before"
    )


@dataclass(frozen=True, kw_only=True)
class SigstoreSettings(SettingsGroup):
    """What Sigstore's clients may submit, and what they are answered."""

    sigstore: bool = setting(
        False, "serve Sigstore's clients too: POST /api/v2/log/entries"
    )
    sigstore_native: bool = setting(
        False,
        "with sigstore, take native entries too: POST /api/v1/entries; monitors of "
        "Sigstore's stop for good at the first one",
    )
    sigstore_dsse: str = setting(
        "hashedrekord",
        "what an envelope (dsseRequestV002) is logged as: hashedrekord; legacy: dsse, "
        "as clients of before 2026 want it; reject: not at all",
        choices=("hashedrekord", "legacy", "reject"),
    )
    sigstore_duplicates: str = setting(
        "existing",
        "what a Sigstore client gets for an entry that the log has: existing, its "
        "proof; conflict, status 409",
        choices=("existing", "conflict"),
    )
