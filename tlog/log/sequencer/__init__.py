"""The one writer: pool -> batch -> commit -> backlog.

settings    how much may wait for a commit
pool        what waits for a commit: bounded; filled by the loop, emptied by a thread
places      PURE: a receipt's entries as the JSON of an answer
batch       PURE: which entries are new, and where each goes
growth      PURE: from a tree and new entries to the next tree, tiles and bundles
selfcheck   PURE: whether a head may leave the process, by the verifier's code
commit      from planned entries to a durable, signed head
known       which entries the log has, and where
rebuild     tiles and index anew, from the bundles
recovery    from a folder to the state to go on from; also what the first start does
sequencer   the thread, and the order of the commit
"""
