"""How much memory readers may use."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class ReadingSettings(SettingsGroup):
    """What the reader keeps, and how many listeners there may be."""

    tile_cache_tiles: int = setting(
        4_096, "full tiles kept in memory for proofs, 16 KiB each", least=0
    )
    scratch_tiles: int = setting(
        262_144,
        "full tiles kept for proofs beyond those in memory, in a nameless file in "
        "tmp/, 17 KiB each",
        least=0,
    )
    event_listeners: int = setting(
        64, "listeners to new entries at once, by `GET /api/v1/events`", least=0
    )
