"""Kinds of entry: strict parse -> canonical leaf bytes + search keys.

provenance     the native record: JSON and CBOR values to canonical bytes
submission     a request's body: many entries, all or nothing
packed         entries one behind the other, as a bundle has them
rows           the rows of the search index that follow from entries
native         bodies and rows by the scanner, which is C, in the folder beside
built          whether there is a scanner
scanning       the scanner first, Python for what it declines
protojson      protobuf's JSON, lenient
signers        the keys of Rekor entries, and whether one signed
rekor          requests of Sigstore's clients: checked, then leaf bytes
"""
