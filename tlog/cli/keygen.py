"""Make a key: the private half in a file of mode 0600, the public half printed.

ed25519 and mldsa44 sign the heads of a log, witness is the Ed25519 cosignature key.
p256 and ed25519-pem sign attestations: PKCS#8 in PEM, with the public key in PEM beside
it; if TLOG_KEY_PASSWORD is set, the private key is encrypted with it.  With --key the
key is made on a token, and never leaves it.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Final, NoReturn

from tlog.cli.credentials import key_password
from tlog.cli.keys import make_on_token
from tlog.cli.output import Output
from tlog.signing import (
    AgentPlace,
    AttestationKey,
    AttestationKeyType,
    FilePlace,
    SigningKey,
    generate_attestation_key,
    generate_key,
    open_agent_key,
    parse_place,
)
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType

_TYPES: Final = {
    "ed25519": KeyType.ED25519,
    "mldsa44": KeyType.MLDSA44,
    "witness": KeyType.COSIGNATURE,
}
_ATTESTATION_TYPES: Final = {it.value: it for it in AttestationKeyType}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("name", help="the key's name: a log's origin, a witness's name")
    parser.add_argument(
        "--type",
        choices=[*_TYPES, *_ATTESTATION_TYPES],
        default="ed25519",
        dest="key_type",
    )
    parser.add_argument(
        "--out", type=Path, help="the new file (default: NAME.TYPE.key, / as _)"
    )
    parser.add_argument(
        "--key",
        metavar="URI",
        help="make it on the token of a pkcs11: URI; or print the public half of the "
        "key that an ssh-agent: URI names",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Make the key, which must not exist, and print the public half."""
    if options.key is not None:
        return _tell_remote(options)
    file_name = f"{options.name.replace('/', '_')}.{options.key_type}.key"
    path = options.out or Path(file_name)
    if not path.name:
        raise FormatError("--out is the name of a file")
    if options.key_type in _ATTESTATION_TYPES:
        attestation_key = generate_attestation_key(_ATTESTATION_TYPES[options.key_type])
        public = attestation_key.write(path, password=key_password())
        name, shown = "signer", _signer(attestation_key)
        more = {"public_key_file": str(public)}
    else:
        key = generate_key(options.name, _TYPES[options.key_type])
        key.write(path)
        name, shown, more = "verifier_key", key.verifier_key.encode(), {}
    output = Output(is_answer=True)
    output.tell(
        json.dumps({name: shown, "private_key_file": str(path), **more})
        if options.json
        else shown
    )
    if output.lost is not None:
        _tell_lost(path, output.lost, is_kept=bool(more))
    return 0


def _tell_remote(options: argparse.Namespace) -> int:
    """Make a key on a token, or ask an agent for one, and print its public half."""
    place = parse_place(options.key)
    if isinstance(place, FilePlace):
        raise FormatError("--key is a pkcs11: or ssh-agent: URI; a file is --out FILE")
    if options.key_type == "mldsa44":
        raise FormatError("an ML-DSA-44 key is a file: tokens and agents have none")
    is_p256 = options.key_type == AttestationKeyType.P256.value
    if isinstance(place, AgentPlace):
        remote = open_agent_key(place)
    else:
        kind = AttestationKeyType.P256 if is_p256 else AttestationKeyType.ED25519
        remote = make_on_token(place, kind)
    output = Output(is_answer=True)
    if options.key_type in _ATTESTATION_TYPES:
        key = AttestationKey(remote)
        shown = {"signer": _signer(key)}
        if options.out is not None:
            key.write_public(options.out)
            shown["public_key_file"] = str(options.out)
    else:
        if options.out is not None:
            raise FormatError("a verifier key is printed: --out goes without --key")
        head_key = SigningKey(options.name, _TYPES[options.key_type], remote)
        shown = {"verifier_key": head_key.verifier_key.encode()}
    output.tell(json.dumps(shown) if options.json else next(iter(shown.values())))
    output.require()
    return 0


def _signer(key: AttestationKey) -> str:
    return f"sha256:{hashlib.sha256(key.public).hexdigest()}"


def _tell_lost(path: Path, error: OSError, *, is_kept: bool) -> NoReturn:
    """Raise an OSError that says where the public half is to be had, if anywhere.

    A reader who has left has not seen it either.
    """
    ahead = f"read {path}.pub" if is_kept else f"remove {path} and make another key"
    raise OSError(
        error.errno,
        f"the key was made, its public half could not be written ({error.strerror}): "
        f"{ahead}",
        "standard output",
    )
