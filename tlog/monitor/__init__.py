"""Following a log that nobody here runs, and telling when it misbehaves.

It believes a head's signature for who said it, and the entries for what the tree is:
everything between the two is computed here.  It shares no code with the log's own
growth, and reads the log as anyone can.

The commands enter by `opening`, `settings` and `completeness` alone, and a gate by
`verified` and `files`.  In order of dependency:

    settings      what `tlog monitor` can be told
    metrics       what is counted
    surroundings  what comes from outside: time, counters, where to write
    tree          PURE: roots and proofs out of the nodes of a tree
    matching      PURE: what is watched, in the bytes of a bundle
    watches       what is watched: digests, files, names, packages
    web           HTTP, bounded
    source        a log's public files, by HTTP or out of a folder
    window        bundles in order, while others are under way
    threads       work in threads that a stop does not tear apart
    heads         a head, and the note that proves who signed it
    parties       who has shown a head
    bundles       the entries that were read, in the monitor's own files
    stored        the tree of those entries
    database      the SQLite file of the state, and its transactions
    outbox        alarms that wait to be written and posted
    reading       how far the monitor has read, and what it found
    waiting       heads that wait until the log has grown to them
    compared      which hash tiles were found damaged
    awaited       SBOMs that the log has named and not given
    state         the folder of it all
    keys          the log's keys, as its own entries change them
    run           the unverified run, from the verified head to a larger one
    past          new watches in entries that were read before
    verified      what the verified entries say to a question
    files         the same out of a log's public files, without a state
    answering     what the monitor answers about an artifact
    verdict       what a head proves that does not fit
    follow        from the verified head to a larger one
    exhibits      proofs and evidence, as files for strangers
    alarms        what is told to people
    packages      watched packages, in the SBOMs of verified entries
    judging       the log's own head, and what it means if that fails
    hash_tiles    the log's hash tiles, held against the computed ones
    witnesses     heads that the log has shown to witnesses
    webhook       alarms posted to a URL
    monitor       one round after the other
    door          health, readiness, metrics, and questions about artifacts
    opening       from settings to a monitor that runs
    completeness  whether an answer of the log is all that there is
"""
