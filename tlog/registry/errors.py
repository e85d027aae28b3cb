"""What talking to a registry can add to `tlog.errors` and `tlogverify.errors`.

An answer that breaks its form is a FormatError, and bytes that are not those of their
digest are a VerificationError: both are the registry's or the attacher's fault.
"""

from tlog.errors import BusyError, RejectedError


class DeniedError(RejectedError):
    """A registry refuses; the same request will be refused again."""


class AbsentError(RejectedError):
    """A registry says that it has no such image, manifest or blob."""


class UnreachedError(BusyError):
    """A registry gave no answer in the time for it: nothing is said of its content."""
