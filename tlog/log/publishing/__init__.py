"""From a commit to what the public sees.

settings    how soon, and how much may wait
backlog     committed and not yet published: bounded, shared by two threads
publisher   writes tiles, then the checkpoint, then the index
"""
