"""Whose request it is, as admission asks, and what it may do."""

from typing import Final

from aiohttp import hdrs, web

from tlog.entries.packed import Packed
from tlog.http.exchange import Asked, asked_of
from tlog.log.admission.gate import Gate, NotPermittedError
from tlog.log.admission.tokens import Scope

DISPOSITION: Final = b'"predicateType":"urn:tlog:disposition:v1"'
"""How an entry, which is canonical, says that documents went."""


def client_of(asked: Asked, gate: Gate, scope: Scope = Scope.SUBMIT) -> str:
    """Return whose bucket a request draws from; raises what `gate` does."""
    return gate.client(_authorization(asked), asked.forwarded_for, asked.remote, scope)


def may_redact(asked: Asked, gate: Gate) -> bool:
    """Whether the entries of a request may say that documents went."""
    return gate.may_redact(_authorization(asked))


def require_no_disposition(entries: Packed) -> None:
    """Raise NotPermittedError if an entry says that documents went."""
    if DISPOSITION in entries.bundle:
        raise NotPermittedError(Scope.REDACT)


def admit_document(request: web.Request, gate: Gate) -> None:
    """Let a request store a document, which counts as an entry; raises as `gate`."""
    gate.admit(client_of(asked_of(request), gate, Scope.DOCUMENTS), 1)


def _authorization(asked: Asked) -> str:
    return asked.headers.get(hdrs.AUTHORIZATION, "")
