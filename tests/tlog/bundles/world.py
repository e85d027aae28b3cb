"""A small Sigstore: authorities, two logs, signers; and bundles that these make.

Nothing here calls the code under test.  One log is as Rekor v2 (Ed25519, heads alone),
the other as Rekor v1 (ECDSA, heads and promises).  All of it is made in this run.
"""

import base64
import datetime
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.oracle import rfc6962
from tests.support.rekor import P256, b64, leaf_of, pre_authentication, verifier
from tests.tlogverify.actors import ED25519, Actor, Head, line
from tlog.trial.certificates import new_key
from tlog.trial.ctlog import CtLog
from tlog.trial.fulcio import Fulcio
from tlog.trial.identities import IdentityProvider
from tlog.trial.timestamps import TimestampAuthority

ARTIFACT = b"the bytes of a release\n"
EMAIL, ISSUER = "somebody@tests.example", "https://oidc.example"
V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
V03_OLD = "application/vnd.dev.sigstore.bundle+json;version=0.3"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [
        {"name": "a", "digest": {"sha256": hashlib.sha256(ARTIFACT).hexdigest()}}
    ],
    "predicateType": "https://a.example/said",
    "predicate": {},
}
PERIOD_START = "2020-01-01T00:00:00Z"

Key = ec.EllipticCurvePrivateKey


def spki(key: Key) -> bytes:
    return key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def pem_of(key: Key) -> bytes:
    return key.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: Key, message: bytes) -> bytes:
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


@dataclass
class NewLog:
    """A log as Rekor v2."""

    host: str = "log.example"

    @property
    def actor(self) -> Actor:
        return Actor(self.host, ED25519, self.host)

    @property
    def log_id(self) -> bytes:
        named = f"{self.host}\n".encode() + b"\x01" + self.actor.public_bytes
        return hashlib.sha256(named).digest()

    def trusted(self) -> dict[str, Any]:
        der = bytes.fromhex("302a300506032b6570032100") + self.actor.public_bytes
        return trusted_log(f"https://{self.host}", der, "PKIX_ED25519", self.log_id)

    def entry(self, body: bytes, kind: str, version: str) -> dict[str, Any]:
        entry, head = placed(body, kind, version, self.log_id, self.host)
        note = head.text + b"\n" + self.actor.line(head)
        entry["inclusionProof"]["checkpoint"] = {"envelope": note.decode()}
        return entry


@dataclass
class OldLog:
    """A log as Rekor v1."""

    host: str = "rekor.example"
    key: Key = field(default_factory=new_key)

    @property
    def log_id(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()

    def trusted(self) -> dict[str, Any]:
        return trusted_log(
            f"https://{self.host}",
            spki(self.key),
            "PKIX_ECDSA_P256_SHA_256",
            self.log_id,
        )

    def note(self, head: Head) -> str:
        signature = sign(self.key, head.text)
        signed = line(self.host, self.log_id[:4] + signature)
        return (head.text + b"\n" + signed).decode()

    def entry(
        self, body: bytes, kind: str, version: str, time_s: int = 0
    ) -> dict[str, Any]:
        """Return an entry; time_s: of the log's promise, which is left out for 0."""
        entry, head = placed(body, kind, version, self.log_id, f"{self.host} - 17")
        entry["inclusionProof"]["checkpoint"] = {"envelope": self.note(head)}
        # In all of the log its index is another than in the part that it stands in.
        entry["logIndex"] = "1003"
        if time_s:
            entry["integratedTime"] = str(time_s)
            promise = {"signedEntryTimestamp": b64(self.promise(body, time_s))}
            entry["inclusionPromise"] = promise
        return entry

    def promise(self, body: bytes, time_s: int) -> bytes:
        promised: Any = {
            "body": b64(body),
            "integratedTime": time_s,
            "logID": self.log_id.hex(),
            "logIndex": 1003,
        }
        return sign(self.key, rfc8785.dumps(promised))


def placed(
    body: bytes, kind: str, version: str, log_id: bytes, origin: str
) -> tuple[dict[str, Any], Head]:
    """Return an entry at index 3 of a tree of 7, without a checkpoint, and the head."""
    leaves = rfc6962.leaf_hashes(7)
    leaves[3] = rfc6962.leaf_hash(body)
    head = Head(origin, 7, rfc6962.root(leaves))
    entry: dict[str, Any] = {
        "logIndex": "3",
        "logId": {"keyId": b64(log_id)},
        "kindVersion": {"kind": kind, "version": version},
        "inclusionProof": {
            "logIndex": "3",
            "rootHash": b64(head.root),
            "treeSize": "7",
            "hashes": [b64(it) for it in rfc6962.inclusion_path(3, leaves)],
        },
        "canonicalizedBody": b64(body),
    }
    return entry, head


def trusted_log(url: str, der: bytes, details: str, log_id: bytes) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(der),
            "keyDetails": details,
            "validFor": {"start": PERIOD_START},
        },
        "logId": {"keyId": b64(log_id)},
    }


def trusted_authority(chain_pem: bytes) -> dict[str, Any]:
    chain = x509.load_pem_x509_certificates(chain_pem)
    raw = [{"rawBytes": b64(it.public_bytes(Encoding.DER))} for it in chain]
    return {
        "subject": {"organization": "tests.example", "commonName": "any"},
        "uri": "https://any.example",
        "certChain": {"certificates": raw},
        "validFor": {"start": PERIOD_START},
    }


@dataclass
class World:
    """All of it; `fulcio` and `tsa` may be replaced by others of the same kind."""

    new_log: NewLog = field(default_factory=NewLog)
    old_log: OldLog = field(default_factory=OldLog)
    ctlog: CtLog = field(default_factory=CtLog)
    tsa: TimestampAuthority = field(default_factory=TimestampAuthority)
    key: Key = field(default_factory=new_key)
    provider: IdentityProvider = field(
        default_factory=lambda: IdentityProvider(issuer=ISSUER)
    )

    def __post_init__(self) -> None:
        self.fulcio = Fulcio(self.provider, self.ctlog)
        self.now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    @cached_property
    def der(self) -> bytes:
        """The certificate of the signer's key."""
        return self.certify()

    def certify(
        self,
        email: str = EMAIL,
        start: datetime.datetime | None = None,
        promised: bytes = b"",
    ) -> bytes:
        key, begun = self.key.public_key(), start or self.now
        made = self.fulcio.certify(email, key, begun, promised)
        return made.public_bytes(Encoding.DER)

    @property
    def root(self) -> dict[str, Any]:
        """The trusted root."""
        pem = self.ctlog.public_pem.decode().splitlines()
        der = base64.b64decode("".join(pem[1:-1]))
        log_id = hashlib.sha256(der).digest()
        ctlog = trusted_log(
            "https://ct.example", der, "PKIX_ECDSA_P256_SHA_256", log_id
        )
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.new_log.trusted(), self.old_log.trusted()],
            "certificateAuthorities": [trusted_authority(self.fulcio.chain_pem)],
            "ctlogs": [ctlog],
            "timestampAuthorities": [trusted_authority(self.tsa.chain_pem)],
        }

    def stamps(
        self,
        signature: bytes,
        *times: datetime.datetime,
        tsa: TimestampAuthority | None = None,
        is_bare: bool = False,
    ) -> dict[str, Any]:
        by = tsa or self.tsa
        made = [by.stamp(signature, it, is_bare=is_bare) for it in times or (self.now,)]
        return {"rfc3161Timestamps": [{"signedTimestamp": b64(it)} for it in made]}

    def new_body(self, digest: bytes, signature: bytes, der: bytes | None) -> bytes:
        """Return a hashedrekord 0.0.2."""
        stated = verifier(P256, spki(self.key))
        if der is not None:
            stated = verifier(P256, der, "x509Certificate")
        signed = {"content": b64(signature), "verifier": stated}
        request = {"digest": b64(digest), "signature": signed}
        return leaf_of({"hashedRekordRequestV002": request})

    def armored(self, der: bytes | None) -> str:
        """Return the key or certificate as Rekor v1 has it: PEM, in base64."""
        if der is None:
            return b64(pem_of(self.key))
        return b64(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))

    def old_body(self, digest: bytes, signature: bytes, der: bytes | None) -> bytes:
        """Return a hashedrekord 0.0.1."""
        key = {"content": self.armored(der)}
        spec: Any = {
            "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
            "signature": {"content": b64(signature), "publicKey": key},
        }
        return body("hashedrekord", "0.0.1", spec)

    def old_dsse_body(
        self, payload: bytes, signature: bytes, der: bytes | None
    ) -> bytes:
        """Return a dsse 0.0.1; its envelope's hash is anything."""
        spec: Any = {
            "envelopeHash": sha256(b"an envelope"),
            "payloadHash": sha256(payload),
            "signatures": [
                {"signature": b64(signature), "verifier": self.armored(der)}
            ],
        }
        return body("dsse", "0.0.1", spec)

    def intoto_body(self, payload: bytes, signature: bytes, der: bytes | None) -> bytes:
        """Return an intoto 0.0.2 without its payload."""
        twice = b64(b64(signature).encode())
        envelope = {
            "payloadType": IN_TOTO,
            "signatures": [{"publicKey": self.armored(der), "sig": twice}],
        }
        spec: Any = {
            "content": {
                "envelope": envelope,
                "hash": sha256(b"an envelope"),
                "payloadHash": sha256(payload),
            }
        }
        return body("intoto", "0.0.2", spec)

    def material(self, entry: dict[str, Any], der: bytes | None) -> dict[str, Any]:
        signer: dict[str, Any] = {"publicKey": {"hint": "a hint"}}
        if der is not None:
            signer = {"certificate": {"rawBytes": b64(der)}}
        return {**signer, "tlogEntries": [entry]}

    def message(
        self, artifact: bytes = ARTIFACT, der: bytes | None = None
    ) -> dict[str, Any]:
        """Return a bundle over an artifact, in the new log; with a timestamp."""
        digest, signature = hashlib.sha256(artifact).digest(), sign(self.key, artifact)
        entry = self.new_log.entry(
            self.new_body(digest, signature, der), "hashedrekord", "0.0.2"
        )
        material = self.material(entry, der)
        material["timestampVerificationData"] = self.stamps(signature)
        return of_message(material, digest, signature)

    def old_message(
        self, media_type: str, der: bytes | None, time_s: int | None = None
    ) -> dict[str, Any]:
        """Return a bundle over the artifact, in the old log; with its promise."""
        digest, signature = hashlib.sha256(ARTIFACT).digest(), sign(self.key, ARTIFACT)
        made = self.old_body(digest, signature, der)
        at = int(self.now.timestamp()) if time_s is None else time_s
        entry = self.old_log.entry(made, "hashedrekord", "0.0.1", at)
        document = of_message(self.material(entry, der), digest, signature)
        return as_version(document, media_type)

    def statement(
        self, der: bytes | None = None, statement: object = STATEMENT
    ) -> dict[str, Any]:
        """Return a bundle with an envelope, in the new log; with a timestamp."""
        payload = json.dumps(statement).encode()
        message = pre_authentication(IN_TOTO, payload)
        digest, signature = hashlib.sha256(message).digest(), sign(self.key, message)
        entry = self.new_log.entry(
            self.new_body(digest, signature, der), "hashedrekord", "0.0.2"
        )
        material = self.material(entry, der)
        material["timestampVerificationData"] = self.stamps(signature)
        return of_envelope(material, payload, signature)

    def old_statement(
        self, kind: str, der: bytes | None, time_s: int | None = None
    ) -> dict[str, Any]:
        """Return a bundle with an envelope, in the old log; kind: of its entry."""
        payload = json.dumps(STATEMENT).encode()
        message = pre_authentication(IN_TOTO, payload)
        digest, signature = hashlib.sha256(message).digest(), sign(self.key, message)
        made, version = {
            "hashedrekord": (self.old_body(digest, signature, der), "0.0.1"),
            "dsse": (self.old_dsse_body(payload, signature, der), "0.0.1"),
            "intoto": (self.intoto_body(payload, signature, der), "0.0.2"),
        }[kind]
        at = int(self.now.timestamp()) if time_s is None else time_s
        entry = self.old_log.entry(made, kind, version, at)
        return of_envelope(self.material(entry, der), payload, signature)


def body(kind: str, version: str, spec: Any) -> bytes:
    return rfc8785.dumps({"apiVersion": version, "kind": kind, "spec": spec})


def sha256(value: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(value).hexdigest()}


def of_message(
    material: dict[str, Any], digest: bytes, signature: bytes
) -> dict[str, Any]:
    stated = {"algorithm": "SHA2_256", "digest": b64(digest)}
    return {
        "mediaType": V03,
        "verificationMaterial": material,
        "messageSignature": {"messageDigest": stated, "signature": b64(signature)},
    }


def of_envelope(
    material: dict[str, Any], payload: bytes, signature: bytes
) -> dict[str, Any]:
    return {
        "mediaType": V03,
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": b64(signature)}],
        },
    }


def as_version(document: dict[str, Any], media_type: str) -> dict[str, Any]:
    """Write a bundle as another version does."""
    document["mediaType"] = media_type
    material = document["verificationMaterial"]
    if media_type in {V01, V02} and "certificate" in material:
        chain = {"certificates": [material.pop("certificate")]}
        material["x509CertificateChain"] = chain
    return document


def cosigned(note: str, count: int) -> str:
    """Return a note with more lines, of witnesses that nobody knows."""
    more = [line(f"w{it}.example", bytes(4) + bytes([it]) * 72) for it in range(count)]
    return note + b"".join(more).decode()


def text_of(note: str) -> Head:
    """Return the head that a note states."""
    origin, size, root = note.split("\n")[:3]
    return Head(origin, int(size), base64.b64decode(root))
