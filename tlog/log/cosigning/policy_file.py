"""The policy file of a log: which witnesses it asks, and whom others are to trust."""

from collections.abc import Sequence
from pathlib import Path

from tlog.errors import RejectedError
from tlogverify.files import read_bounded
from tlogverify.keys import VerifierKey
from tlogverify.lines import parse_text
from tlogverify.note import MAX_SIGNATURES
from tlogverify.policy import MAX_POLICY_BYTES, Policy


def read_witness_policy(
    path: Path, log_keys: Sequence[VerifierKey], retired: str = ""
) -> str:
    """Return the text of the policy for those who verify this log.

    A file that names no log names this one; retired: the lines of its keys that sign no
    more.

    Raises FormatError, or RejectedError if the file names other logs only, or no
    witness that can be asked.
    """
    text = read_bounded(path, "a policy", MAX_POLICY_BYTES)
    policy = Policy.parse(text)
    if not any(witness.url for witness in policy.witnesses):
        raise RejectedError(f"{path} names no witness with a URL")
    named = {log.key for log in policy.logs}
    if named and not named & set(log_keys):
        raise RejectedError(f"{path} does not name this log's key")
    if len(named | set(log_keys)) + len(policy.witnesses) > MAX_SIGNATURES:
        raise RejectedError(
            f"a note has at most {MAX_SIGNATURES} lines: {path} has more",
        )
    own = [] if named else [*(f"log {key.encode()}\n" for key in log_keys), retired]
    return "".join(own) + parse_text("the policy of a log", text)
