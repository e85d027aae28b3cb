"""SBOMs as tools write them, made up for these tests."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tlogverify.attestation.statement import PAYLOAD_TYPE, STATEMENT_TYPE

CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cyclonedx(artifact: bytes | None, *purls: str, **more: Any) -> dict[str, Any]:
    """Return a CycloneDX document; artifact: whose hash it states, or None."""
    component: dict[str, Any] = {"type": "file", "name": "app"}
    if artifact is not None:
        component["hashes"] = [
            {"alg": "SHA-1", "content": hashlib.sha1(artifact).hexdigest()},  # noqa: S324 - as tools write it
            {"alg": "SHA-256", "content": sha256(artifact)},
        ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {
            "component": component,
            "tools": {"components": [{"name": "t", "purl": "pkg:generic/the-tool@1"}]},
        },
        "components": [{"type": "library", "name": "x", "purl": it} for it in purls],
        **more,
    }


def spdx(artifact: bytes | None, *purls: str, **more: Any) -> dict[str, Any]:
    """Return an SPDX 2.3 document; artifact: whose hash it states, or None."""
    described: dict[str, Any] = {"SPDXID": "SPDXRef-app", "name": "app"}
    if artifact is not None:
        described["checksums"] = [
            {"algorithm": "SHA256", "checksumValue": sha256(artifact)}
        ]
    packages = [
        {
            "SPDXID": f"SPDXRef-{number}",
            "name": "x",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "00" * 32}],
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": it,
                },
                {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:x"},
            ],
        }
        for number, it in enumerate(purls)
    ]
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "packages": [described, *packages],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-app",
            }
        ],
        **more,
    }


def enveloped(
    predicate: Mapping[str, object], artifact: bytes, predicate_type: str = CYCLONEDX
) -> bytes:
    """Return an envelope, with a signature of nobody, around a statement."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": "app", "digest": {"sha256": sha256(artifact)}}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(json.dumps(statement).encode()).decode(),
        "signatures": [{"sig": base64.b64encode(b"nobody's").decode()}],
    }
    return json.dumps(envelope).encode()
