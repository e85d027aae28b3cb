"""A TUF repository from which Sigstore's clients fetch what they are handed.

    keys          the private keys of its roles, in a folder that is not served
    repository    its metadata: made, published anew, signed again, keys exchanged

Python-tuf makes and checks the metadata; it is an extra, and nothing but this wing
imports it.

Source: The Update Framework, specification 1.0.
"""
