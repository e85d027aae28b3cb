"""Log lines about keys that a token or an agent holds, for roles that run."""

from tlog.log_lines import log_event
from tlog.signing.remote import KeyEvent


def log_key_event(event: KeyEvent, shown: str, why: str) -> None:
    """Write the line of what happened to a key; shown: which key, no secret."""
    if event is KeyEvent.AWAY:
        log_event("key away", level="error", key=shown, why=why)
    elif event is KeyEvent.ANEW:
        log_event("key session opened anew", level="warning", key=shown, why=why)
    else:
        log_event("key back", key=shown)
