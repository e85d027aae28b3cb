"""A second copy of a log's folder: made while the log runs, put back under guard.

    place       where a copy lies, and the one file that says what it holds
    source      a log's folder, read while its log runs
    running     one run: what is new is copied, proven and named, in this order
    documents   the documents that the log keeps, mirrored
    restoring   a folder made from a copy, once witnesses have been asked

A copy is the entries up to one signed head, that head, and the small files beside
them.  Hash tiles and the index are derived: a restore makes them anew, from entries
that it has proven to lead to the head.
"""
