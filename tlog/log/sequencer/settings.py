"""How much may wait for a commit."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class PoolSettings(SettingsGroup):
    """The bounds of the pool, in entries and in bytes of entries."""

    max_pool_entries: int = setting(
        50_000,
        "entries that may wait for a commit; above it requests get 503",
        least=1,
    )
    max_pool_bytes: int = setting(
        64 << 20,
        "bytes of entries that may wait for a commit; as max_pool_entries",
        least=1,
    )
