"""Following a log that nobody here runs, and telling when it misbehaves.

It believes a head's signature for who said it, and the entries for what the tree is:
everything between the two is computed here.  It shares no code with the log's own
growth, and reads the log as anyone can.

    settings     what `tlog monitor` can be told
    tree         PURE: roots and proofs out of the nodes of a tree
    metrics      what is counted
    matching     PURE: digests in the bytes of a bundle
    web          HTTP, bounded
    source       a log by HTTP, or as a folder
    window       bundles in order, several under way
    bundles      verified entries, in the monitor's own files
    store        heads, hits and alarms, in SQLite
    stored       the tree of what is remembered
    state        the folder of it all
    watches      what is looked for
    past         the same, in what was read before
    follow       from one head to the next
    verdict      what a conflict proves
    witnesses    heads that the log has shown to others
    alarms       what is told
    webhook      how it gets there
    monitor      one round after the other
    door         health, readiness and metrics
"""
