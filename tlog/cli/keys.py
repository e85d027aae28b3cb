"""Keys that a command is given by a URI: files, tokens and agents."""

from types import ModuleType

from tlog.cli.credentials import key_password
from tlog.cli.verbs import load
from tlog.errors import RejectedError
from tlog.signing import (
    AttestationKey,
    AttestationKeyType,
    RemoteKey,
    TokenPlace,
    open_attestation_key,
)


def open_token(place: TokenPlace) -> RemoteKey:
    """Open a key on a token; RejectedError, among others, without the extra."""
    key: RemoteKey = _hardware().open_token_key(place)
    return key


def make_on_token(place: TokenPlace, kind: AttestationKeyType) -> RemoteKey:
    """Make a key on a token, and open it; raises as `open_token` does."""
    key: RemoteKey = _hardware().make_token_key(place, kind)
    return key


def open_signer(place: str) -> AttestationKey:
    """Open the key that signs documents; the password is the environment's."""
    return open_attestation_key(place, open_token, password=key_password())


def _hardware() -> ModuleType:
    try:
        return load("hardware")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "pkcs11":
            raise
        raise RejectedError(
            "pkcs11: keys need python-pkcs11: pip install 'tlog-server[pkcs11]'"
        ) from None
