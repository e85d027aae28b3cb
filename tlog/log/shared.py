"""From settings to stores that several nodes share: an entrance, and nothing else.

Loaded only where it is used, because its libraries are an extra.
"""

from tlog.log.storage.stores_shared import shared_eras, shared_stores

__all__ = ["shared_eras", "shared_stores"]
