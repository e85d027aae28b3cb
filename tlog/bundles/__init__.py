"""Sigstore bundles judged by a trusted root: logs, keys, certificates, timestamps.

    trusted    a trusted root's logs: their keys, when they count, what they signed
    bodies     whether a log's entry, of either Rekor, is of a signature
    judging    a bundle that was made with a key
    certified  a bundle that was made with a certificate: asks the `sigstore` library

`certified` needs the extra `tlog-server[sigstore]`; nothing else imports that library.
"""
