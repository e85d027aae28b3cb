"""What `tlog fsck` does of a log that nodes share; loaded where settings name one."""

import argparse

from tlog.cli.progress import show_progress
from tlog.fsck.check import Verdict
from tlog.fsck.shared import SharedPlaces, check_shared
from tlog.log.settings import LogSettings


def check(settings: LogSettings, options: argparse.Namespace) -> Verdict:
    """Verify it; raises as `tlog.fsck.shared.check_shared`."""
    places = SharedPlaces(options.folder, settings.database, settings.objects)
    return check_shared(places, show_progress(), tree_only=options.tree_only)
