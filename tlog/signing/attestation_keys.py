"""Keys that sign attestations: Ed25519 and ECDSA P-256, in PKCS#8 PEM files.

Any tool makes such a file (`openssl genpkey`); so does `tlog keygen`.  Signatures are
those that `tlogverify.attestation.signers` verifies: Ed25519, or ECDSA with SHA-256 in
DER.

Source: RFC 5958 (PKCS#8), RFC 7468 (PEM), RFC 8410 (Ed25519), RFC 5915 within RFC 5958.
"""

from enum import Enum
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tlog.errors import RejectedError
from tlog.signing.keyfiles import read_key_file, write_key_file
from tlog.signing.remote import RemoteKey
from tlogverify.errors import FormatError

_MAX_KEY_BYTES: Final = 16_384
_PLAIN: Final = b"-----BEGIN PRIVATE KEY-----"
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"


class AttestationKeyType(Enum):
    """The two kinds; the value is what `tlog keygen --type` takes."""

    ED25519 = "ed25519-pem"
    P256 = "p256"


class AttestationKey:
    """One private key that signs attestations; a RemoteKey never comes here.

    public: its public half, a SubjectPublicKeyInfo in DER.
    """

    def __init__(
        self, private: Ed25519PrivateKey | EllipticCurvePrivateKey | RemoteKey
    ) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_pem(self) -> bytes:
        """The public half as other tools and rules read it."""
        return self._private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, message: bytes) -> bytes:
        """Sign a message; ECDSA signatures of one message differ from each other.

        Raises KeyAwayError if a token or an agent does not sign now.
        """
        if isinstance(self._private, EllipticCurvePrivateKey):
            return self._private.sign(message, ECDSA(SHA256()))
        return self._private.sign(message)

    def write_public(self, path: Path) -> None:
        """Write the public half to a new file; FileExistsError rather than replace."""
        with path.open("xb") as file:
            file.write(self.public_pem)

    def write(self, path: Path, *, password: bytes | None = None) -> Path:
        """Write the key to a new file of mode 0600, and its public half beside it.

        password: encrypts the private key.  Returns the public key's path.
        FileExistsError rather than replace either; then neither is there.  The key is
        not one of a token's.
        """
        if isinstance(self._private, RemoteKey):
            raise RejectedError("a key that a token or an agent holds is in no file")
        public = path.with_name(f"{path.name}.pub")
        if public.exists() or public.is_symlink():
            raise FileExistsError(f"{public} exists: choose another name")
        encryption: KeySerializationEncryption = NoEncryption()
        if password:
            encryption = BestAvailableEncryption(password)
        content = self._private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, encryption
        )
        # The private key first: the public one can be made from it, never the reverse.
        write_key_file(path, content)
        try:
            self.write_public(public)
        except OSError:
            path.unlink()
            raise
        return public


def generate_attestation_key(key_type: AttestationKeyType) -> AttestationKey:
    """Make a new key from the system's randomness."""
    if key_type is AttestationKeyType.P256:
        return AttestationKey(generate_private_key(SECP256R1()))
    return AttestationKey(Ed25519PrivateKey.generate())


def read_attestation_key(
    path: Path, *, password: bytes | None = None
) -> AttestationKey:
    """Read a PKCS#8 key in PEM; password: used for an encrypted key alone.

    Raises RejectedError if others may read the file, or a password is missing or wrong;
    FormatError if it is no such key.  No error shows the content of the file.
    """
    content = read_key_file(path, _MAX_KEY_BYTES + 1).strip()
    is_encrypted = content.startswith(_ENCRYPTED)
    if not is_encrypted and not content.startswith(_PLAIN):
        raise FormatError(
            f"{path} is no PKCS#8 key in PEM: "
            "make one with tlog keygen --type p256, or convert it with openssl pkcs8"
        )
    if is_encrypted and not password:
        raise RejectedError(f"{path} is encrypted: set TLOG_KEY_PASSWORD")
    try:
        private = load_pem_private_key(content, password if is_encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The cause could show the key, or tell how near a password was.
        if is_encrypted:
            raise RejectedError(f"{path}: TLOG_KEY_PASSWORD does not open it") from None
        raise FormatError(f"{path} is not a private key") from None
    if isinstance(private, EllipticCurvePrivateKey):
        if isinstance(private.curve, SECP256R1):
            return AttestationKey(private)
    elif isinstance(private, Ed25519PrivateKey):
        return AttestationKey(private)
    raise FormatError(f"{path} is neither an Ed25519 nor a P-256 key")
