"""From a commit to the public checkpoint.

settings    how often, and how much may wait
heads       which head readers are shown
backlog     committed and not yet published: bounded, shared by two threads
publisher   writes tiles, then the checkpoint, then the index
"""
