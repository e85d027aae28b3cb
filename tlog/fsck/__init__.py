"""Re-verify a whole log folder from its bytes.

An independent judge: it uses tlogverify and the hashing core alone, and knows the
folder's layout by itself, so that a fault of the builder is not repeated here.

    damage     what can be damaged
    peaks      a tree's peaks, leaf by leaf or tile by tile
    places     where the public files lie; the folder
    bucket     the bucket
    files      tiles and bundles as they lie there
    proven     what the head proves of the tiles below it
    blame      which of two files that differ is damaged
    tree       bundles -> leaf hashes -> tiles -> the root that the checkpoint names
    journal    the signed head, and the batches that lead to it
    database   the head and the batches of a log that nodes share
    index      every leaf hash and digest, and nothing besides
    documents  the documents beside the log, hashed
    bucket_documents   the same in a bucket
    check      all of it in order; the first damaged place ends it
    shared     the same for a log that nodes share, while they write
"""
