"""Who signed a Rekor entry, for people and for JSON: stated there, and not judged."""

import hashlib

from tlogverify.certificates import CertificateNames, certificate_names
from tlogverify.errors import FormatError
from tlogverify.rekor import Signature


def describe_signer(signature: Signature) -> dict[str, object]:
    """Return the key or certificate, and whom it names, as values for JSON."""
    names = stated_names(signature)
    return {
        "certificate" if signature.is_certificate else "key": _sha256(signature),
        "identities": list(names.identities),
        "issuer": names.issuer,
    }


def name_signer(signature: Signature) -> str:
    """Return the same as words; not yet fit for a terminal: names are as given."""
    names = stated_names(signature)
    kind = "certificate" if signature.is_certificate else "key"
    stated = f" of {', '.join(names.identities)}" if names.identities else ""
    issuer = f", issuer {names.issuer}" if names.issuer is not None else ""
    return f"{kind} sha256:{_sha256(signature)}{stated}{issuer}"


def stated_names(signature: Signature) -> CertificateNames:
    """Return whom a certificate names; nobody if it is a key or cannot be read."""
    if signature.is_certificate:
        try:
            return certificate_names(signature.der)
        except FormatError:
            pass
    return CertificateNames((), None)


def _sha256(signature: Signature) -> str:
    return hashlib.sha256(signature.der).hexdigest()
