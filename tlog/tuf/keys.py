"""The private keys of a TUF repository: Ed25519, a PKCS#8 file of mode 0600 each."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from tlog.errors import RejectedError
from tlog.signing import (
    AttestationKey,
    AttestationKeyType,
    generate_attestation_key,
    read_attestation_key,
)


class FileSigner(Signer):
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
    ) -> "FileSigner":
        """Raise RejectedError: keys are read by `KeyFolder` alone."""
        raise RejectedError("a key of a repository is a file in its folder of keys")

    def sign(  # type: ignore[explicit-override]  # typing: from 3.12
        self, payload: bytes
    ) -> Signature:
        """Sign the canonical bytes of metadata."""
        return Signature(self._public.keyid, self._key.sign(payload).hex())


class KeyFolder:
    """A folder of keys; which role a key has is told by the root, not by its name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, name: str) -> FileSigner:
        """Make a key in a file NAME.pem, or take the one that is there.

        A run that ended between key and metadata goes on with the same key.
        """
        path = self._folder / f"{name}.pem"
        if path.exists():
            return FileSigner(read_attestation_key(path))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = generate_attestation_key(AttestationKeyType.ED25519)
        key.write(path)
        return FileSigner(key)

    def signers(self, keyids: list[str]) -> list[FileSigner]:
        """Return the keys of these ids that are there."""
        found = [
            FileSigner(read_attestation_key(path))
            for path in sorted(self._folder.glob("*.pem"))
        ]
        return [it for it in found if it.public_key.keyid in keyids]
