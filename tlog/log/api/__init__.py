"""HTTP: bytes in, bytes out.  No rule of a log lives here.

submit      POST /api/v1/entries
rekor       POST /api/v2/log/entries, for Sigstore's clients
rekor_errors  errors as these read them
lookup      proofs, entries, search
events      new entries as they come
sought      what a search or a listener is for
tiles       the read side of C2SP tlog-tiles
kept_tiles  full tiles that were asked for last
operation   log, health, metrics, OpenAPI
status      a page for people
nodes       what other nodes ask of the one that writes
fronts      what front ends ask of the process that writes
passing     what they pass on to it
problems    the errors of these doors, and how each is told
client      whose request it is
traced      submissions as spans, where somebody collects them
routes      which of them answers which path
"""
