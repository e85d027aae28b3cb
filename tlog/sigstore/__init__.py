"""What Sigstore's clients are handed of a log: whom to trust, and where to submit.

    instance      the log itself: its URL, key and id, and the rule of its name
    neighbours    what stands beside it: certificate, CT and timestamp authorities
    authorities   these out of PEM files
    existing      these out of documents that somebody has already
    shapes        the strict shapes of such documents
    validity      times, and whom clients ask at one
    combining     what flags and files name, made one
    documents     the three documents
    summary       what is in them, and what they lack for which client

PURE: bytes, text and times come in, values and JSON objects go out.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, `sigstore_common.proto`.
"""
