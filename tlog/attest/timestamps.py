"""Timestamps over a signature, asked of an authority; not judged here.

    request   SEQUENCE { 1, SEQUENCE { SEQUENCE { sha256, NULL }, OCTET STRING },
                         nonce, certReq TRUE }
    answer    SEQUENCE { SEQUENCE { status, ... }, token }

Whoever verifies the bundle judges the answer, by whom they trust to tell times.

Source: RFC 3161, 2.4.
"""

import asyncio
import hashlib
import secrets
from typing import Final

import aiohttp

from tlogclient.errors import UnavailableError
from tlogclient.network import Network
from tlogclient.transport import HEADERS, new_session, read_raw, require_url
from tlogverify.errors import FormatError
from tlogverify.sigstore.bundle import MAX_DER_BYTES

_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")
_TIMEOUT_S: Final = 30.0


def encode_request(message: bytes, nonce: int) -> bytes:
    """Return the request of a timestamp over a message; nonce: below 2**63."""
    digest = hashlib.sha256(message).digest()
    imprint = _tagged(0x30, _SHA256 + _tagged(0x04, digest))
    number = _tagged(0x02, nonce.to_bytes(nonce.bit_length() // 8 + 1, "big"))
    return _tagged(0x30, b"\x02\x01\x01" + imprint + number + b"\x01\x01\xff")


def require_granted(answer: bytes) -> None:
    """Raise FormatError unless an answer's status is granted, 0, or with changes, 1."""
    outer = _content(answer, 0x30)
    status = _content(_content(outer, 0x30, is_first=True), 0x02, is_first=True)
    if status not in {b"\x00", b"\x01"}:
        raise FormatError("the timestamp authority granted no timestamp", status)


async def ask_timestamp(url: str, message: bytes, network: Network) -> bytes:
    """Return an authority's answer about a message, in DER.

    Raises FormatError for an answer of another form, UnavailableError for none.
    """
    headers = {**HEADERS, "Content-Type": "application/timestamp-query"}
    body = encode_request(message, secrets.randbits(63))
    session = new_session(headers, network)
    try:
        async with (
            asyncio.timeout(_TIMEOUT_S),
            session.post(
                require_url(url), data=body, allow_redirects=False
            ) as response,
        ):
            if response.status not in (200, 201):
                raise UnavailableError(
                    f"the timestamp authority answered {response.status}"
                )
            answer = await read_raw(response, MAX_DER_BYTES)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UnavailableError(
            f"the timestamp authority did not answer: {type(error).__name__}"
        ) from error
    except ValueError as error:
        raise FormatError(f"--timestamp-authority: {error}") from None
    finally:
        await session.close()
    require_granted(answer)
    return answer


def _tagged(tag: int, value: bytes) -> bytes:
    # Nothing in a request is as long as 128 bytes.
    return bytes([tag, len(value)]) + value


def _content(der: bytes, tag: int, *, is_first: bool = False) -> bytes:
    """Return the content of a value; is_first: others may follow it."""
    rule = "a timestamp authority's answer is DER"
    if len(der) < 2 or der[0] != tag:
        raise FormatError(rule)
    octets = der[1] & 0x7F if der[1] & 0x80 else 0
    size = int.from_bytes(der[2 : 2 + octets], "big") if octets else der[1]
    content = der[2 + octets : 2 + octets + size]
    if len(content) != size or not (is_first or len(der) == 2 + octets + size):
        raise FormatError(rule)
    return content
