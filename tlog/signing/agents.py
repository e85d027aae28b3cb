"""Keys that an ssh-agent holds: Ed25519 and ECDSA P-256.

Each question is a connection of its own, so that there is none to be lost in between.

Source: draft-miller-ssh-agent (messages 11 to 14); RFC 5656 and RFC 8709 (keys).
"""

import base64
import hashlib
import os
import socket
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tlog.errors import RejectedError
from tlog.signing.points import p256_point
from tlog.signing.remote import KeyAwayError, RemoteKey, RemotePublic
from tlog.signing.uris import AgentPlace
from tlogverify.errors import FormatError

_LIST, _LISTED, _SIGN, _SIGNED = 11, 12, 13, 14
_MAX_ANSWER_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 60.0
"""An agent may ask a person to confirm, or to touch a key."""

_ED25519: Final = b"ssh-ed25519"
_P256: Final = b"ecdsa-sha2-nistp256"


def open_agent_key(place: AgentPlace) -> RemoteKey:
    """Open a key; RejectedError if it is not there, KeyAwayError without an agent."""
    return RemoteKey(f"ssh-agent:{place.fingerprint}", lambda: _AgentKey(place))


class _AgentKey:
    """One key of the agent, found again at each connection."""

    def __init__(self, place: AgentPlace) -> None:
        for blob in _listed():
            digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=")
            if f"SHA256:{digest.decode()}" == place.fingerprint:
                self._blob = blob
                self.public: RemotePublic = _public(blob)
                return
        raise RejectedError(
            f"the ssh-agent has no key {place.fingerprint}: add it with ssh-add"
        )

    def sign(self, message: bytes) -> bytes:
        asked = _string(self._blob) + _string(message) + bytes(4)
        try:
            signature = _Reader(_ask(_SIGN, asked, _SIGNED)).string()
            reader = _Reader(signature)
            kind, raw = reader.string(), reader.string()
            if kind == _ED25519:
                return raw
            parts = _Reader(raw)
            r, s = parts.string(), parts.string()
        except FormatError as error:
            raise KeyAwayError(f"the ssh-agent's signature is none: {error}") from error
        return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _listed() -> list[bytes]:
    reader = _Reader(_ask(_LIST, b"", _LISTED))
    blobs = []
    for _ in range(int.from_bytes(reader.take(4), "big")):
        blobs.append(reader.string())
        reader.string()
    return blobs


def _public(blob: bytes) -> RemotePublic:
    reader = _Reader(blob)
    kind = reader.string()
    if kind == _ED25519:
        return Ed25519PublicKey.from_public_bytes(reader.string())
    if kind == _P256:
        reader.string()
        return p256_point(reader.string())
    shown = kind.decode("ascii", "replace")
    raise RejectedError(f"the agent's key is {shown}: Ed25519 and P-256 can sign here")


def _ask(kind: int, content: bytes, expected: int) -> bytes:
    """Ask one question; KeyAwayError if the answer is not of the expected kind."""
    place = os.environ.get("SSH_AUTH_SOCK")
    if not place:
        raise KeyAwayError("SSH_AUTH_SOCK is not set: start ssh-agent, then ssh-add")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_TIMEOUT_S)
            channel.connect(place)
            channel.sendall(_string(bytes([kind]) + content))
            length = int.from_bytes(_read(channel, 4), "big")
            if not 0 < length <= _MAX_ANSWER_BYTES:
                raise KeyAwayError(f"the ssh-agent's answer has {length} bytes")
            answer = _read(channel, length)
    except OSError as error:
        raise KeyAwayError(f"the ssh-agent at {place}: {error}") from error
    if answer[0] != expected:
        raise KeyAwayError("the ssh-agent refuses: is it locked, or the key gone?")
    return answer[1:]


def _read(channel: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = channel.recv(length - len(content))
        if not piece:
            raise KeyAwayError("the ssh-agent hung up")
        content += piece
    return content


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


class _Reader:
    """Takes fields from the front; FormatError beyond the end."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def take(self, length: int) -> bytes:
        if len(self._rest) < length:
            raise FormatError("it ends too early", len(self._rest))
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def string(self) -> bytes:
        return self.take(int.from_bytes(self.take(4), "big"))
