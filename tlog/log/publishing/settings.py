"""How soon what is committed becomes public, and how much may wait for that."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class PublishingSettings(SettingsGroup):
    """The pace of the publisher, and the bound of the backlog."""

    publish_interval_ms: int = setting(
        250,
        "least time between two public checkpoints; the first comes at once, and so "
        "does one as soon as 8 MiB of entries wait",
        least=0,
    )
    max_backlog_bytes: int = setting(
        32 << 20,
        "committed bytes that may wait for their tiles; above it commits wait",
        least=1,
    )
