"""What a front end has of what all may hold."""

from tlog.log.settings import LogSettings
from tlog.log.workers.together import settings_of_front


def test_limits_are_divided_and_what_is_off_stays_off() -> None:
    settings = LogSettings(
        workers=3,
        event_listeners=0,
        max_pool_entries=1,
        tile_cache_tiles=7,
        scratch_tiles=10,
    )
    front = settings_of_front(settings)
    assert (0, 1, 3, 4) == (
        front.event_listeners,
        front.max_pool_entries,
        front.tile_cache_tiles,
        front.scratch_tiles,
    )
    assert 3 * front.max_pool_bytes >= settings.max_pool_bytes
    assert settings.rate_burst_entries == front.rate_burst_entries
