"""All that is stored, and nothing else that touches it.

    folder            the layout of a log's folder, its lock, its format version
    journal           the seam of the commit point: entries and the signed head
    journal_sqlite    the same in a file: one transaction
    journal_postgres  the same in a database that nodes share: one statement
    objects           the seam of tiles, bundles and the public checkpoint
    objects_folder    the same as immutable files
    objects_bucket    the same in a bucket
    objects_counted   the same, and how often their store was away
    tenure            the seam of the right to write
    tenure_folder     the same by the folder's lock
    tenure_term       the same by a term in the database
    postgres          a database that nodes share, and what may be trusted of it
    settings          where a log is stored that several nodes share
    writers           the seam of who writes, and how the other nodes reach it
    writers_row       the same in the log's row
    kept              the seam of a text beside the log: what witnesses have said
                      against it, which keys it has had; the same as a file
    kept_row          the same in the database
    moved             whether the log lies elsewhere now, by a file
    moved_row         the same in the database
    stores            all of it, opened and closed together
    stores_folder     the stores of a log that is one folder
    stores_shared     the stores of a log that several nodes share
    sizes             how many bytes each part of a folder has
    index             leaf hash and digests -> indexes (RocksDB); derived

The journal is the truth until the objects are durable; then the objects are.
"""
