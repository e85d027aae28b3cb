"""What `tlog rotate-key` needs of stores that nodes share; loaded where it is used."""

from tlog.log.eras import KeptEras
from tlog.log.identity import find_origin
from tlog.log.opening import OpenStores
from tlog.log.settings import LogSettings
from tlog.log.shared import shared_eras, shared_stores
from tlog.signing import OpenToken


def open_shared(
    settings: LogSettings, open_token: OpenToken
) -> tuple[OpenStores, KeptEras]:
    """Return how the stores are opened, and the eras of the log's keys, to be read.

    Raises RejectedError or MachineError.
    """
    origin = find_origin(settings, open_token)
    return shared_stores(settings), shared_eras(settings, origin)
