"""The log: what takes entries, commits them, publishes them, and answers for them.

opening      from settings to a log, opened and recovered; its tiles and index anew
settings     its settings
life         one open log: how it starts and ends
api          its own doors: native, tiles, Rekor's
admission    who may submit
sequencer    pool, batch, commit, recovery, rebuild
cosigning    witnesses are asked for their cosignatures
publishing   backlog and publisher: tiles, then the checkpoint, then the index
proofs       proofs from tiles
storage      folder, journal, objects, index: all that is on disk
merkle       rules of the tree
"""
