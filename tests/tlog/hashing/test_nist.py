"""NIST's own SHA-256 messages, through every kernel.

The files are those of the Cryptographic Algorithm Validation Program (SHA-2, messages
of whole bytes), as NIST published them.
"""

import re
from pathlib import Path

import pytest

from tests.tlog.hashing.backends import each_kernel

FILES = {"SHA256ShortMsg.rsp": 65, "SHA256LongMsg.rsp": 64}


def vectors(file: str) -> list[tuple[bytes, bytes]]:
    """Return the messages of a file with their digests."""
    text = (Path(__file__).parent / "nist" / file).read_text("ascii")
    found = re.findall(r"Len = (\d+)\nMsg = ([0-9a-f]+)\nMD = ([0-9a-f]{64})\n", text)
    return [
        (bytes.fromhex(message)[: int(bits) // 8], bytes.fromhex(digest))
        for bits, message, digest in found
    ]


@each_kernel
@pytest.mark.parametrize(("file", "count"), FILES.items())
def test_nists_messages_have_nists_digests(name: str, file: str, count: int) -> None:
    pairs = vectors(file)
    assert count == len(pairs)
    native = pytest.importorskip("tlog.hashing.native")
    kernel = native.NativeBackend(name, 1)
    for message, digest in pairs:
        assert digest == kernel.hash_messages([message], -1)
    digests = kernel.hash_messages([message for message, _ in pairs], -1)
    assert b"".join(digest for _, digest in pairs) == digests
