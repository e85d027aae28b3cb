"""The log: what takes entries, commits them, publishes them, and answers for them.

opening      from settings to a log, opened and recovered
shared       from settings to stores that nodes share
rebuilding   a stopped log's tiles and index anew
restoring    a folder made from a copy, before it is a log
moving       from its folder to stores that nodes share, and back
node         one of several that share a log
leader       the process that writes, behind front ends
front        one front end
serving      a log behind its doors, until it is stopped
metrics      what a log counts
settings     of `tlog serve`
api          the doors: native, tiles, Rekor's
identity     which keys it signs with
eras         which it has had and will have
life         one open log: its faces, and how it starts and ends
submitting   what a door that takes entries needs of a log
reading      what a door that answers readers needs
standing     what operators may know
admission    who may submit
sequencer    pool, batch, commit, recovery, rebuild
nodes        a node that does not write: it reads along, and forwards
workers      one log on several cores of a machine
cosigning    witnesses are asked for their cosignatures, and may contradict
publishing   backlog and publisher: tiles, then the checkpoint, then the index
proofs       proofs from tiles
storage      folder, journal, objects, tenure, index: all that is stored
merkle       rules of the tree
"""
