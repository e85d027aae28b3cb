"""All that is stored, and nothing else that touches it.

    folder          the layout of a log's folder, its lock, its format version
    journal         the seam of the commit point: entries and the signed head
    journal_sqlite  the same in a file: one transaction
    objects         the seam of tiles, bundles and the public checkpoint
    objects_folder  the same as immutable files
    tenure          the seam of the right to write
    tenure_folder   the same by the folder's lock
    stores          all of it, opened and closed together
    stores_folder   the stores of a log that is one folder
    index           leaf hash and digests -> indexes (RocksDB); derived, can be rebuilt

The journal is the truth until the objects are durable; then the objects are.
"""
