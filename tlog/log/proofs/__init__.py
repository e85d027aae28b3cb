"""Proofs and entries, from tiles.

settings   how much memory they may use
reader     tiles and bundles: from the edge, from memory, from disk
prover     inclusion, consistency and range proofs; proof files
"""
