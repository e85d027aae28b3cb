"""Proofs and entries, from tiles.

snapshot   one signed head and the right edge of its tree
reader     tiles and bundles: from the edge, from memory, from disk
prover     inclusion, consistency and range proofs; proof files
"""
