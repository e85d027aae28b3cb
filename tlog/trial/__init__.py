"""Stand-ins of what signs beside a log, for trial: nobody may trust them.

certificates  a root, and what it signs
identities    an identity provider: who somebody is
ctlog         a certificate transparency log that promises
fulcio        a certificate authority
timestamps    a timestamp authority
neighbours    all of them, on loopback

They are made anew at each start, keep nothing, and answer as the real ones were seen
to.  The tests of Sigstore's clients run on them too.
"""
