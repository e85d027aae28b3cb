"""A node that does not write a log which it shares: it reads along, and forwards.

    wire         what nodes tell each other
    link         one conversation with the node that writes
    following    a recovery that goes on: the tree, the index, and the heads so far
    heads        those heads, for the doors
    witnesses    what the writer knows of its witnesses, for the doors
    forwarding   submissions, sent on to the node that writes

Nothing here is loaded by a log of one process.  Front ends forward by the same way
(`tlog.log.workers`).
"""
