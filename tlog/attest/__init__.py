"""Attestations made: captured, signed, logged.

redaction                    PURE: what must not leave this machine
ci                           PURE: what a CI system says of a build
git                          what a checkout says of itself
materials                    lock files that lie in the folder
toolchain                    what is installed
commands                     other people's programs, run within bounds
capture                      all of that as SLSA provenance
document                     PURE: statement, envelope, record
attesting                    the files beside the artifacts, and their order
"""
