"""What `tlog migrate` does; loaded where settings name stores that nodes share."""

from tlog.cli.progress import show_progress
from tlog.fsck.check import check_public, read_keys
from tlog.fsck.places import FolderPlace, Place
from tlog.fsck.shared import SharedPlaces
from tlog.log.moving import Arrived, open_moving
from tlog.log.settings import LogSettings
from tlog.log.shared import shared_stores


def migrate(settings: LogSettings, *, back: bool) -> Arrived:
    """Move a log; raises as `tlog.log.moving`, and DamageError if a copy is not whole.

    back: into the folder.
    """
    root = settings.data
    with open_moving(root, shared_stores(settings), back=back) as moving:
        moving.copy(show_progress())
        places = SharedPlaces(root, settings.database, settings.objects)
        origin = read_keys(root)[0].name
        target: Place = FolderPlace(root) if back else places.bucket(origin)
        # By other code than that which has copied, and from what lies there.
        check_public(target, root, show_progress())
        return moving.finish()
