"""Make a key: the private half in a file of mode 0600, the public half printed.

ed25519 and mldsa44 sign the heads of a log, witness is the Ed25519 cosignature key.
"""

import argparse
import json
from pathlib import Path
from typing import Final

from tlog.signing import generate_key
from tlogverify.keys import KeyType

_TYPES: Final = {
    "ed25519": KeyType.ED25519,
    "mldsa44": KeyType.MLDSA44,
    "witness": KeyType.COSIGNATURE,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("name", help="the key's name: a log's origin, a witness's name")
    parser.add_argument("--type", choices=_TYPES, default="ed25519", dest="key_type")
    parser.add_argument(
        "--out", type=Path, help="the new file (default: NAME.TYPE.key, / as _)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write the key file, which must not exist, and print the verifier key."""
    key = generate_key(options.name, _TYPES[options.key_type])
    file_name = f"{options.name.replace('/', '_')}.{options.key_type}.key"
    path = options.out or Path(file_name)
    key.write(path)
    vkey = key.verifier.encode()
    if options.json:
        print(json.dumps({"verifier_key": vkey, "private_key_file": str(path)}))
    else:
        print(vkey)
    return 0
