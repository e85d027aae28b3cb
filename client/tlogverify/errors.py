"""What can go wrong, split by who must act.

    TlogError
    ├─ FormatError          these bytes break a format: the sender must act
    └─ VerificationError    well-formed, but not proven: do not trust
       ├─ SignatureError    no trusted key, or a trusted key's signature is wrong
       ├─ ProofError        a Merkle proof does not lead to the root
       └─ QuorumError       too few of the policy's witnesses signed

Whatever bytes go into this package, only these come out.
"""

from typing import Final

_SHOWN_CHARS: Final = 72


class TlogError(Exception):
    """The root of every error that this project raises on purpose."""


class FormatError(TlogError):
    """Bytes that break a format.

    rule: the rule that is broken, in a few words.
    found: what was found instead; shown cut to a line's length, a private key never.
    """

    def __init__(self, rule: str, found: object = None) -> None:
        self.rule = rule
        super().__init__(rule if found is None else f"{rule}: found {_show(found)}")


class VerificationError(TlogError):
    """Well-formed, but not proven."""


class SignatureError(VerificationError):
    """No trusted key signed, or a trusted key's signature is wrong."""


class ProofError(VerificationError):
    """A Merkle proof does not lead to the expected root."""


class QuorumError(VerificationError):
    """Fewer witnesses signed than the policy asks for."""


def _show(found: object) -> str:
    if isinstance(found, str | bytes):
        # A file of the wrong kind may be a key: PEM, or the text of a log's own.
        if "PRIVATE" in (found if isinstance(found, str) else found.decode("latin-1")):
            return "a private key"
        text = repr(found[:_SHOWN_CHARS])
    elif found is None or (isinstance(found, int) and abs(found) < 1 << 64):
        text = repr(found)
    else:
        # A container may be deep or large: its kind says enough.
        text = f"a {type(found).__name__}"
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
