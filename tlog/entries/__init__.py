"""Kinds of entry: strict parse -> canonical leaf bytes + search keys.

provenance     the native record: JSON and CBOR values to canonical bytes
submission     a request's body: many entries, all or nothing
protojson      protobuf's JSON, lenient
signers        the keys of Rekor entries, and whether one signed
rekor          requests of Sigstore's clients: checked, then leaf bytes
"""
