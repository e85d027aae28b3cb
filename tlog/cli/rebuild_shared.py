"""What `tlog rebuild` does of a log that nodes share; loaded where one is named."""

from tlog.cli.progress import show_progress
from tlog.errors import CorruptError
from tlog.fsck.check import name_damaged_bundle, read_keys
from tlog.fsck.shared import SharedPlaces
from tlog.log.rebuilding import Rebuilt, rebuild_log
from tlog.log.settings import LogSettings
from tlog.log.shared import shared_stores


def rebuild(settings: LogSettings) -> Rebuilt:
    """Write tiles and index anew; raises as `tlog.log.rebuilding.rebuild_log`."""
    root = settings.data
    try:
        return rebuild_log(root, show_progress(), shared_stores(settings))
    except CorruptError as error:
        places = SharedPlaces(root, settings.database, settings.objects)
        place = places.bucket(read_keys(root)[0].name)
        raise name_damaged_bundle(root, place) or error from None
