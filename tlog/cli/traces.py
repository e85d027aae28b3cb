"""Spans to a collector, for a role that was asked for them; loaded where it was."""

from contextlib import AbstractContextManager, nullcontext

from tlog.cli.verbs import load
from tlog.errors import RejectedError
from tlogclient.transport import require_url
from tlogverify.errors import FormatError


def tracing_as(role: str, url: str) -> AbstractContextManager[object]:
    """Tell a collector of what this process does as a role; nobody if there is no URL.

    What is left is sent at the end of the block.  Raises FormatError for a URL that is
    none, RejectedError if the package is not installed.
    """
    if not url:
        return nullcontext()
    try:
        require_url(url)
    except ValueError as error:
        raise FormatError(f"--traces: {error}") from None
    try:
        module = load("spans")
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("opentelemetry"):
            raise
        raise RejectedError(
            "--traces needs OpenTelemetry: pip install 'tlog-server[otel]'"
        ) from error
    sending: AbstractContextManager[object] = module.sending(role, url)
    return sending
