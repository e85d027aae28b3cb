"""A timestamp authority.

Source: RFC 3161, 2.4; RFC 5816 (which certificate signed); RFC 5652, 5.
"""

import base64
import datetime
import hashlib
import json
import secrets
from typing import Any

from asn1crypto import algos, cms, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tlog.trial.certificates import (
    TODAY,
    Period,
    make_root,
    make_stamper,
    pem,
)

PATH = "/api/v1/timestamp"

_POLICY = "1.3.6.1.4.1.57264.2"


class TimestampAuthority:
    """Signs the time beside a digest; period: its certificate's."""

    def __init__(self, period: Period = TODAY) -> None:
        root = make_root("TSA's root")
        self._stamper = make_stamper(root, "TSA", period)
        self._chain = [self._stamper.certificate, root.certificate]

    @property
    def chain_pem(self) -> bytes:
        """What signs and its root, in PEM."""
        return pem(self._chain)

    def answer(self, body: bytes) -> bytes:
        """Answer a TimeStampReq, or what Sigstore's own has for it, in JSON."""
        if body.startswith(b"{"):
            request = _request_of(json.loads(body))
        else:
            request = tsp.TimeStampReq.load(body, strict=True)
        return self._stamp(
            request["message_imprint"],
            datetime.datetime.now(datetime.UTC).replace(microsecond=0),
            request["nonce"].native,
        )

    def stamp(
        self, message: bytes, time: datetime.datetime, *, is_bare: bool = False
    ) -> bytes:
        """Return an answer that states a time; is_bare: without its certificate."""
        imprint = {
            "hash_algorithm": {"algorithm": "sha256"},
            "hashed_message": hashlib.sha256(message).digest(),
        }
        return self._stamp(tsp.MessageImprint(imprint), time, None, is_bare=is_bare)

    def _stamp(
        self,
        imprint: tsp.MessageImprint,
        time: datetime.datetime,
        nonce: int | None,
        *,
        is_bare: bool = False,
    ) -> bytes:
        content = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": _POLICY,
                "message_imprint": imprint,
                "serial_number": secrets.randbits(63),
                "gen_time": time,
                "nonce": nonce,
            }
        )
        signed = self._sign(content)
        if is_bare:
            del signed["certificates"]
        token = {"content_type": "signed_data", "content": signed}
        answer = tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": token}
        )
        return bytes(answer.dump())

    def _sign(self, content: tsp.TSTInfo) -> cms.SignedData:
        der = self._stamper.certificate.public_bytes(Encoding.DER)
        certificate = x509.Certificate.load(der)
        digest = algos.DigestAlgorithm({"algorithm": "sha256"})
        signing = {"certs": [{"cert_hash": hashlib.sha256(der).digest()}]}
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["tst_info"]},
                {
                    "type": "message_digest",
                    "values": [hashlib.sha256(content.dump()).digest()],
                },
                {"type": "signing_certificate_v2", "values": [signing]},
            ]
        )
        signature = self._stamper.key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256()))
        identifier = {
            "issuer": certificate.issuer,
            "serial_number": certificate.serial_number,
        }
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [digest],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": cms.ParsableOctetString(content.dump()),
                },
                "certificates": [certificate],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": cms.SignerIdentifier(
                            "issuer_and_serial_number", identifier
                        ),
                        "digest_algorithm": digest,
                        "signed_attrs": attributes,
                        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                        "signature": signature,
                    }
                ],
            }
        )


def _request_of(asked: dict[str, Any]) -> tsp.TimeStampReq:
    imprint = {
        "hash_algorithm": {"algorithm": asked["hashAlgorithm"]},
        "hashed_message": base64.b64decode(asked["artifactHash"]),
    }
    return tsp.TimeStampReq({"version": "v1", "message_imprint": imprint})
