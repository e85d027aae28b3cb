"""The private keys of a TUF repository, in a folder of theirs.

NAME.pem    an Ed25519 key, in PKCS#8, of mode 0600; made where it is missing
NAME.uri    one line, the key URI of a key that is elsewhere: Ed25519 or P-256
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from tlog.errors import RejectedError
from tlog.signing import (
    AttestationKey,
    AttestationKeyType,
    KeyAwayError,
    OpenToken,
    generate_attestation_key,
    open_attestation_key,
    read_attestation_key,
)
from tlogverify.files import read_bounded
from tlogverify.lines import parse_text

MAX_URI_BYTES: Final = 4_096


class RoleSigner(Signer):
    """Signs with a key of `tlog.signing`."""

    def __init__(self, key: AttestationKey) -> None:
        self._key = key
        self._public = SSlibKey.from_crypto(load_pem_public_key(key.public_pem))

    @property
    def public_key(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> Key:
        """The public half, as metadata names it."""
        return self._public

    @classmethod
    def from_priv_key_uri(  # type: ignore[explicit-override]  # typing: from 3.12
        cls,
        priv_key_uri: str,
        public_key: Key,
        secrets_handler: SecretsHandler | None = None,
    ) -> "RoleSigner":
        """Raise RejectedError: keys are read by `KeyFolder` alone."""
        raise RejectedError("a key of a repository is told by its folder of keys")

    def sign(  # type: ignore[explicit-override]  # typing: from 3.12
        self, payload: bytes
    ) -> Signature:
        """Sign the canonical bytes of metadata."""
        return Signature(self._public.keyid, self._key.sign(payload).hex())


class KeyFolder:
    """A folder of keys; which role a key has is told by the root, not by its name.

    open_token: opens a key on a token.  away: why keys could not be opened.
    """

    def __init__(self, folder: Path, open_token: OpenToken) -> None:
        self._folder = folder
        self._open_token = open_token
        self.away: list[str] = []

    def make(self, name: str) -> RoleSigner:
        """Return the key of a name; make it in NAME.pem if there is none.

        A run that ended between key and metadata goes on with the same key.  Raises
        KeyAwayError or RejectedError for one that is elsewhere and cannot be opened.
        """
        path, place = (self._folder / f"{name}{it}" for it in (".pem", ".uri"))
        if place.exists():
            return self._open(place)
        if path.exists():
            return RoleSigner(read_attestation_key(path))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = generate_attestation_key(AttestationKeyType.ED25519)
        key.write(path)
        return RoleSigner(key)

    def signers(self, keyids: list[str]) -> list[RoleSigner]:
        """Return the keys of these ids that are there, and can be opened."""
        return [it for it in self._all() if it.public_key.keyid in keyids]

    def _all(self) -> Iterator[RoleSigner]:
        for path in sorted(self._folder.glob("*.pem")):
            yield RoleSigner(read_attestation_key(path))
        self.away.clear()
        for place in sorted(self._folder.glob("*.uri")):
            try:
                yield self._open(place)
            except (KeyAwayError, RejectedError, FileNotFoundError) as error:
                # A root key is kept away on purpose: only who needs it says why.
                self.away.append(f"{place.name}: {error}")

    def _open(self, place: Path) -> RoleSigner:
        content = read_bounded(place, "a key URI", MAX_URI_BYTES)
        uri = parse_text("a key URI", content).strip()
        return RoleSigner(open_attestation_key(uri, self._open_token))
