"""Submitting many files: one record each, and a proof file for each that is kept.

The files, in order of dependency:

    artifacts       what is submitted: files, folders, standard input, digests
    destinations    where each proof goes, and what must not be replaced there
    sending         requests, proofs written as they come, and how far it is

Everything that can be known to end badly is refused before anything is logged.  The
proofs that were written stay, and the same command again does the rest.
"""
