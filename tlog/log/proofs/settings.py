"""How much memory proofs may use."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(SettingsGroup):
    """The size of the reader's cache."""

    tile_cache_tiles: int = setting(
        4_096, "full tiles kept in memory for proofs, 16 KiB each", least=0
    )
