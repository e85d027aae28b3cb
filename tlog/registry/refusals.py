"""Refusals: the error that a registry's answer means which is no success.

    {"errors":[{"code":"MANIFEST_UNKNOWN","message":"...","detail":...}]}

Only codes of the specification are shown: messages may repeat what was sent.
Source: OCI distribution-spec v1.1, "Error Codes".
"""

from typing import Final

from tlog.registry.errors import AbsentError, DeniedError
from tlog.registry.exchange import Incoming
from tlogclient.errors import RefusedError
from tlogclient.problems import parse_retry_after
from tlogclient.retries import NoRoomError
from tlogverify.attestation.members import array_member, parse_object
from tlogverify.errors import FormatError, TlogError

_CODES: Final = frozenset(
    {
        *("BLOB_UNKNOWN", "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN"),
        *("DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID"),
        *("MANIFEST_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID"),
        *("UNAUTHORIZED", "DENIED", "UNSUPPORTED", "TOOMANYREQUESTS"),
    }
)
_MAX_ERRORS: Final = 100
_LOGIN: Final = "; docker login keeps credentials that are used here too"


def refusal_of(answer: Incoming, what: str) -> TlogError:
    """Return the error that an answer means; what: was asked for, in a few words.

    NoRoomError is for another attempt: 429 and all of 500 and more.
    """
    codes = _codes_of(answer.body)
    said = f"{what}: the registry says {answer.status}{codes}"
    if answer.status == 429 or answer.status >= 500:
        pause_s = parse_retry_after(
            answer.headers.get("retry-after"), answer.headers.get("date")
        )
        refused = RefusedError("about:blank", said, status=answer.status)
        return NoRoomError(refused, pause_s)
    if answer.status == 404:
        return AbsentError(said)
    if answer.status >= 400:
        return DeniedError(said + (_LOGIN if answer.status in (401, 403) else ""))
    return FormatError(
        f"{what}: an answer of a status that is none of this", answer.status
    )


def _codes_of(body: bytes) -> str:
    try:
        errors = array_member(
            "a refusal", parse_object("a refusal", body), "errors", _MAX_ERRORS
        )
    except FormatError:
        return ""
    codes = {code for it in errors if isinstance(code := it.get("code"), str)}
    return "".join(f" {code}" for code in sorted(codes & _CODES))
