"""All that is on disk, and nothing else that touches it.

    folder     the layout of a log's folder, its lock, its format version
    journal    entries and the signed head, one transaction: the commit point (SQLite)
    objects    tiles and bundles as immutable files, and the public checkpoint
    stores     all of it, opened and closed together
    sizes      how many bytes each part has
    index      leaf hash and digests -> indexes (RocksDB); derived, can be rebuilt

The journal is the truth until the objects are durable; then the objects are.
"""
