"""An append-only transparency log of software provenance: the server.

The rooms, in order of dependency; each may use any of the lower rows:

    cli                                  one file per verb, arguments only
    assemble                             puts the parts together
    api                                  HTTP: bytes in, bytes out
    log                                  one open log: how it starts and ends
    admission  fsck                      who may submit; re-verify a folder
    witness  monitor                     cosign heads; judge a log from outside
    attest  sigstore                     signed statements; what clients are handed
    sequencer                            pool -> batch -> commit -> publish
    proofs  checkpoint                   proofs from tiles; the public checkpoint
    storage                              journal, objects, index: all that is on disk
    merkle  entries  signing             pure tree rules; kinds of entry; private keys
    hashing  config  metrics  clock      the batched core; settings; counters; time
    logs                                 log lines
    errors
    (tlogclient)  (tlogverify)           the client's two packages
"""

from typing import Final

__version__: Final = "0.1.0"
