"""Following a log that nobody here runs, and telling when it misbehaves.

It believes a head's signature for who said it, and the entries for what the tree is:
everything between the two is computed here.  It shares no code with the log's own
growth, and reads the log as anyone can.

    settings             what `tlog monitor` can be told
    tree                 PURE: roots and proofs out of the nodes of a tree
    matching             PURE: digests in the bytes of a bundle
    web  source  window  HTTP and folders; bundles in order, several under way
    bundles  store       what is remembered: verified entries; heads, hits, alarms
    stored  state        the tree of what is remembered; the folder of it all
    watches  past        what is looked for; the same in what was read before
    follow  verdict      from one head to the next; what a conflict proves
    witnesses            heads that the log has shown to others
    alarms  webhook      what is told, and how it gets there
    monitor              one round after the other
"""
