"""Attestations made: captured, signed, logged.

redaction                    PURE: what must not leave this machine
ci                           PURE: what a CI system says of a build
git  materials  toolchain    what lies in the folder, what is installed
capture                      all of that as SLSA provenance
document                     PURE: statement, envelope, record
attesting                    the files beside the artifacts, and their order
"""
