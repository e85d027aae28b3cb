"""What fsck needs for documents in a bucket, which is an extra; loaded for them."""

from tlog.fsck.bucket_documents import BucketFiles

__all__ = ["BucketFiles"]
