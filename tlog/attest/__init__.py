"""Attestations made: captured, signed, logged.

urls                         PURE: credentials in URLs, and URLs without them
forms                        PURE: the forms of secrets
redaction                    PURE: what must not leave this machine
variables                    PURE: which variables are read, which are secret
ci                           PURE: what a CI system says of a build
commands                     other people's programs, run within bounds
git                          what a checkout says of itself, or why git does not
materials                    lock files that lie in the folder
toolchain                    what is installed
capture                      all of that as SLSA provenance
predicates                   what others say, read within bounds
artifacts                    which files are meant, and where their outputs lie
document                     PURE: statement, envelope, record
attesting                    the files beside the artifacts, and their order
"""
