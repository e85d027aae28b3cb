"""What `tlog rotate-key` needs of stores that nodes share; loaded where it is used."""

from tlog.log.identity import find_origin
from tlog.log.settings import LogSettings
from tlog.log.shared import shared_eras, shared_stores
from tlog.log.storage.folder import FolderLayout
from tlog.log.storage.kept import KeptText
from tlog.log.storage.stores import OpenStores
from tlog.signing import OpenToken


def open_shared(
    settings: LogSettings, open_token: OpenToken
) -> tuple[OpenStores, KeptText]:
    """Return how the stores are opened, and the eras of the log's keys, to be read.

    Raises RejectedError or MachineError.
    """
    origin = find_origin(FolderLayout(settings.data), settings, open_token)
    return shared_stores(settings), shared_eras(settings, origin)
