"""What hashes trees in this process, for those who ask or must know."""

from tlog import __version__, hashing
from tlogverify.command.telling import complain


def version_line() -> str:
    """Return version and hashing backend; RejectedError if that is not here."""
    return f"tlog {__version__}, hashing by {hashing.backend()}"


def warn_of_fault() -> None:
    """Say on standard error if a kernel failed its self-test and is not used."""
    if fault := hashing.fault():
        complain(f"tlog: the {fault} kernel fails its self-test here")
