"""Which witnesses are asked, how often, and how long the log waits for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class CosigningSettings(SettingsGroup):
    """The policy of witnesses, and the log's patience with them."""

    retired: ClassVar[Mapping[str, str]] = {
        "witness_quorum_lost": "for publish write witness_patience_s, the seconds "
        "after which heads are published without the quorum; for hold leave both out",
        "witness_demo": "a log that witnesses itself proves nothing; run tlog witness, "
        "and name it in the file of witness_policy",
    }

    witness_policy: Path | None = setting(
        None,
        "a tlog-policy file with the URLs of witnesses; if set, heads are public when "
        "its quorum has cosigned them",
    )
    witness_interval_ms: int = setting(
        1_000, "least time between two heads that are sent to witnesses", least=1
    )
    witness_timeout_ms: int = setting(
        5_000, "how long one request to a witness may take", least=1
    )
    witness_wait_ms: int = setting(
        10_000,
        "how long a submission waits for a cosigned head; after it 202",
        least=0,
    )
    witness_patience_s: int | None = setting(
        None,
        "how long the quorum may be missing before heads are published without it; "
        "if not set, they wait for it for ever",
        least=0,
    )
    witness_unconfirmed: bool = setting(
        False,
        "take entries before a quorum has confirmed the log's head since its start",
    )
    witness_overruled: tuple[str, ...] = setting(
        (),
        "names, as in the policy, of witnesses whose word against this log a person "
        "has looked into and set aside",
    )
    witness_monitoring: tuple[str, ...] = setting(
        (), "NAME=URL: where a witness shows heads, if not where they are sent"
    )
