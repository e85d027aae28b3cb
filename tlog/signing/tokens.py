"""Keys on PKCS #11 tokens: Ed25519 and ECDSA P-256, by python-pkcs11, an extra.

Loaded only where a pkcs11: URI is used.

Source: PKCS #11 3.0, sections 2.3.5 (ECDSA) and 2.3.9 (EdDSA).
"""

import hashlib
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    PinIncorrect,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from tlog.errors import RejectedError
from tlog.signing.attestation_keys import AttestationKeyType
from tlog.signing.points import ecdsa_der, ed25519_point, p256_point
from tlog.signing.remote import KeyAwayError, RemoteKey, RemotePublic
from tlog.signing.uris import TokenPlace

# PKCS #11 3.0 names the curve so; SoftHSM knows no other spelling.
_EDWARDS25519: Final = b"\x13\x0cedwards25519"
_SECP256R1: Final = bytes.fromhex("06082a8648ce3d030107")
_CURVES: Final = {
    AttestationKeyType.ED25519: (KeyType.EC_EDWARDS, _EDWARDS25519),
    AttestationKeyType.P256: (KeyType.EC, _SECP256R1),
}


def open_token_key(place: TokenPlace) -> RemoteKey:
    """Open a key on a token.

    Raises RejectedError if there is no such token or key, or the PIN is wrong;
    KeyAwayError if the token does not answer; FormatError or OSError about the PIN.
    """
    return RemoteKey(place.shown, lambda: _TokenKey(place))


def make_token_key(place: TokenPlace, kind: AttestationKeyType) -> RemoteKey:
    """Make a key on the token, never to leave it, and open it; raises as above.

    RejectedError rather than have two keys of one name.
    """
    session = _session(place, is_writing=True)
    key_type, curve = _CURVES[kind]
    try:
        if list(session.get_objects({Attribute.LABEL: place.object})):
            raise RejectedError(f"{place.shown} exists: choose another object=")
        parameters = session.create_domain_parameters(
            key_type, {Attribute.EC_PARAMS: curve}, local=True
        )
        _, private = parameters.generate_keypair(
            store=True,
            label=place.object,
            id=place.id or hashlib.sha256(place.object.encode()).digest()[:8],
        )
        if private[Attribute.EXTRACTABLE] or not private[Attribute.SENSITIVE]:
            raise RejectedError(f"{place.shown}: the token would give its key away")
    except PKCS11Error as error:
        raise RejectedError(f"{place.shown} was not made: {_why(error)}") from error
    finally:
        _close(session)
    return open_token_key(place)


class _TokenKey:
    """One session of the token, logged in, and the two halves of the key."""

    def __init__(self, place: TokenPlace) -> None:
        self._shown = place.shown
        self._session = _session(place)
        try:
            self._private = _object(self._session, place, ObjectClass.PRIVATE_KEY)
            public = _object(self._session, place, ObjectClass.PUBLIC_KEY)
            self._kind = self._private[Attribute.KEY_TYPE]
            point = bytes(public[Attribute.EC_POINT])
        except PKCS11Error as error:
            raise KeyAwayError(f"{place.shown}: {_why(error)}") from error
        if self._kind == KeyType.EC_EDWARDS:
            self.public: RemotePublic = ed25519_point(point)
        elif self._kind == KeyType.EC:
            self.public = p256_point(point)
        else:
            raise RejectedError(f"{place.shown} is neither Ed25519 nor P-256")

    def sign(self, message: bytes) -> bytes:
        try:
            if self._kind == KeyType.EC_EDWARDS:
                return bytes(self._private.sign(message, mechanism=Mechanism.EDDSA))
            digest = hashlib.sha256(message).digest()
            raw = bytes(self._private.sign(digest, mechanism=Mechanism.ECDSA))
        except PKCS11Error as error:
            raise KeyAwayError(f"{self._shown}: {_why(error)}") from error
        return ecdsa_der(raw)


def _session(place: TokenPlace, *, is_writing: bool = False) -> Any:
    # Any: a session's class is compiled, and its stubs say no more.
    pin = place.read_pin()
    try:
        pkcs11.lib(place.module)
    except (PKCS11Error, RuntimeError) as error:
        raise RejectedError(f"{place.module} cannot be used: {error}") from error
    try:
        return _open(place, pin, is_writing=is_writing)
    except (PinIncorrect, PinLocked) as error:
        raise RejectedError(
            f"{place.shown}: the PIN of {place.pin_source} is refused ({_why(error)})"
        ) from error
    except PKCS11Error:
        # The library may have lost sight of the token: it looks anew when it starts.
        try:
            pkcs11.lib(place.module).reinitialize()
            return _open(place, pin, is_writing=is_writing)
        except PKCS11Error as error:
            raise KeyAwayError(f"{place.shown}: {_why(error)}") from error


def _open(place: TokenPlace, pin: str | None, *, is_writing: bool) -> Any:
    token = _token(place)
    try:
        return token.open(rw=is_writing, user_pin=pin)
    except UserAlreadyLoggedIn:
        # A login is the process's: another session of it has logged in.
        return token.open(rw=is_writing)


def _token(place: TokenPlace) -> Any:
    wanted = {
        "label": place.token,
        "manufacturer_id": place.manufacturer,
        "model": place.model,
    }
    found = []
    for token in pkcs11.lib(place.module).get_tokens():
        serial = bytes(token.serial).decode("ascii", "replace").strip()
        is_named = place.serial in ("", serial) and all(
            not value or getattr(token, it) == value for it, value in wanted.items()
        )
        if is_named:
            found.append(token)
    if len(found) != 1:
        raise RejectedError(
            f"{place.module} has {len(found) or 'no'} tokens {place.token!r}: "
            "softhsm2-util --show-slots or pkcs11-tool -L lists them"
        )
    return found[0]


def _object(session: Any, place: TokenPlace, kind: ObjectClass) -> Any:
    wanted = {Attribute.CLASS: kind, Attribute.LABEL: place.object}
    if place.id is not None:
        wanted[Attribute.ID] = place.id
    found = list(session.get_objects(wanted))
    if len(found) != 1:
        half = "private" if kind is ObjectClass.PRIVATE_KEY else "public"
        raise RejectedError(
            f"{place.shown}: {len(found) or 'no'} {half} keys are there: "
            "tlog keygen NAME --key makes one, id= tells two apart"
        )
    return found[0]


def _close(session: Any) -> None:
    try:
        session.close()
    except PKCS11Error:
        # Of a session that is lost nothing is left to be closed.
        return


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
