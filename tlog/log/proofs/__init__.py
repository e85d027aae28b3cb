"""Proofs and entries, from tiles.

reader     tiles and bundles: from the edge, from memory, from disk
prover     inclusion, consistency and range proofs; proof files
"""
