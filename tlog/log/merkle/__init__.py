"""The rules of the tree, PURE: bytes and numbers in, bytes and numbers out.

    frontier     the right edge of a tree: all that is needed to let it grow
    extension    one growth: new nodes, new tiles, new root, proofs of what is new
    tree         the right edge, and the entries that lie in no full bundle
    snapshot     a tree and the note that signs its head; the words for four of them
    paths        inclusion paths in the newest tree, by arithmetic alone
    plans        which tiles a proof needs, and how they are combined

Sizes and indexes count leaves; hashes are joined in plain `bytes`, 32 each.
Source: RFC 6962, 2.1; C2SP tlog-tiles.
"""
