"""From a commit to what the public sees.

heads       which head readers are shown
backlog     committed and not yet published: bounded, shared by two threads
publisher   writes tiles, then the checkpoint, then the index
"""
