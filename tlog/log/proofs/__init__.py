"""Proofs and entries, from tiles.

settings   how much memory and disk they may use
scratch    a file of what memory has no room for
reader     tiles and bundles: from the edge, from memory, from disk
prover     inclusion, consistency and range proofs; proof files
"""
