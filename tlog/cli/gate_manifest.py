"""Print all that a cluster needs to ask a gate, as YAML.

Apply it with `kubectl apply --server-side -f -`, the first time and each time after: it
is then changed in one write, and no moment is without it.
"""

import argparse
from pathlib import Path
from typing import Final

from tlog.cli.output import Output
from tlog.gate.manifest import Installation, objects_of
from tlog.gate.yaml import encode_documents
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import parse_text

MAX_FILE_BYTES: Final = 900_000
"""A ConfigMap holds 1 MiB."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "--image", required=True, help="the gate's own image, by its digest"
    )
    parser.add_argument(
        "--authority",
        required=True,
        type=Path,
        metavar="PEM",
        help="who has signed the gate's certificate",
    )
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a file for the gate: rules, their public keys, policy; repeatable",
    )
    parser.add_argument(
        "--argument",
        action="append",
        default=[],
        metavar="ARGUMENT",
        help="a further argument of `tlog gate`, as --argument=--rules=RULES.toml",
    )
    parser.add_argument("--namespace", default="tlog-gate", help="of the gate itself")
    parser.add_argument("--replicas", type=int, default=2, help="of the gate")
    parser.add_argument(
        "--timeout-seconds", type=int, default=5, help="of the webhooks, 3 to 5"
    )
    parser.add_argument(
        "--tags-allowed",
        action="store_true",
        help="without the policy that demands digests; for a gate that resolves tags",
    )


def run(options: argparse.Namespace) -> int:
    """Print the objects."""
    if "@sha256:" not in options.image:
        raise FormatError("--image names the gate's image by its digest", options.image)
    authorities = read_bounded(options.authority, "authorities", MAX_FILE_BYTES)
    if b"BEGIN CERTIFICATE" not in authorities:
        raise FormatError(f"{options.authority} holds no certificates in PEM")
    installation = Installation(
        image=options.image,
        authorities=authorities,
        files=dict(map(_file, options.file)),
        arguments=options.argument,
        namespace=options.namespace,
        replicas=options.replicas,
        timeout_s=options.timeout_seconds,
        demands_digests=not options.tags_allowed,
    )
    output = Output(is_answer=True)
    for line in encode_documents(objects_of(installation)).splitlines():
        output.tell(line)
    output.require()
    return 0


def _file(path: Path) -> tuple[str, str]:
    content = read_bounded(path, "a file", MAX_FILE_BYTES)
    if b"PRIVATE KEY" in content:
        raise FormatError(f"{path} holds a private key, which no ConfigMap may hold")
    return path.name, parse_text(str(path), content)
