"""An append-only transparency log of software provenance: the server.

The rooms, in order of dependency; each may use any of the lower rows:

    cli                                  one file per verb, arguments only
    assemble                             puts the parts together
    api                                  HTTP: bytes in, bytes out
    admission  fsck                      who may submit; re-verify a folder
    sequencer                            pool -> batch -> commit -> publish
    proofs  checkpoint                   proofs from tiles; the public checkpoint
    storage                              journal, objects, index: all that is on disk
    merkle  hashing  entries  signing    pure tree rules; hashes; kinds of entry; keys
    config  metrics  clock  logs         settings; counters; time; log lines
    errors
    (tlogclient)  (tlogverify)           the client's two packages
"""

from typing import Final

__version__: Final = "0.1.0"
