"""An append-only transparency log of software provenance: the server.

A wing for each role, above the ground that all of them stand on:

    log                          takes entries, commits, publishes, answers
    witness                      cosigns the heads of logs that only grow
    monitor                      judges a log from outside, finds what is watched
    fsck                         judges a log's folder from its bytes
    attest                       makes signed statements about files
    sigstore                     what Sigstore's clients are handed to use a log
    cli                          one file per verb, arguments only
    http                         what every door is made of
    durable  entries  signing    disk and database; kinds of entry; private keys
    hashing                      batched hashes, on compiled kernels
    config  log_lines            settings; log lines
    folders  metrics  clock      whose a folder is; counters; time
    errors                       what can go wrong in a server

Nothing is imported here: a module imports the parts that it needs.
"""

from typing import Final

__version__: Final = "0.1.0"
