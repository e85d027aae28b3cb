"""Requests that are tried again leave no log line."""

import stamina


def silence_retries() -> None:
    """Let the client's library log no retry of this process."""
    # A retry that succeeds is no news, and one that does not ends in an error.
    stamina.instrumentation.set_on_retry_hooks([])
