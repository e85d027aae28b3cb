"""What a store of documents in a bucket needs, which is an extra; loaded for one."""

from tlog.documents.shelf_bucket import open_shelf

__all__ = ["open_shelf"]
