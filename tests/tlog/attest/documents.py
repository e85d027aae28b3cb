"""Documents as real tools write them, made up for these tests: no secret is in them.

Each text is of a kind that was once taken for a secret, or lies next to one.
"""

from typing import Any

HEX = "ab" * 32
NESTED = 120


def component(number: int) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"pkg:npm/promise-lib@1.0.{number}?package-id=0123456789abcdef",
        "name": "sk-learn-contrib-estimators-2024-edition",
        "version": f"1.0.{number}",
        "author": "Jane Doe <jane@lib.example> (https://lib.example:8080/~jane)",
        "description": "Bearer token2header-middleware for small web servers",
        "purl": "pkg:npm/promise-lib@1.0.0?vcs_url=git%2Bssh%3A%2F%2Fgit%40git.example"
        "%3Ateam%2Fpromise-lib.git%40v1.0.0",
        "cpe": "cpe:2.3:a:promise_lib:promise-lib:1.0.0:*:*:*:*:node.js:*:*",
        "hashes": [{"alg": "SHA-256", "content": HEX}],
        "licenses": [{"license": {"id": "BSD-3-Clause"}}],
        "externalReferences": [
            {"type": "vcs", "url": "git+https://someone@git.example/someone/lib.git"},
            {"type": "vcs", "url": "git+ssh://git@git.example/someone/lib.git#main"},
            {
                "type": "distribution",
                "url": f"https://x.example/?signature=sha256-{HEX}",
            },
            {"type": "mailing-list", "url": "https://lists.example/a:2024/x@y.example"},
        ],
    }


def nested_components(levels: int) -> dict[str, Any]:
    inner = component(0)
    for number in range(1, levels):
        inner = component(number) | {"components": [inner]}
    return inner


CYCLONEDX: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
    "metadata": {
        "timestamp": "2026-01-31T12:00:00Z",
        "component": {
            "type": "container",
            "name": "registry.example:5000/team/app",
            "version": f"1.2@sha256:{HEX}",
            "purl": f"pkg:oci/app@sha256%3A{HEX}?repository_url=registry.example%3A5000"
            "%2Fteam%2Fapp&tag=1.2",
        },
        "properties": [
            {"name": "image", "value": f"docker://alpine:3.19@sha256:{HEX}"},
            {
                "name": "registry",
                "value": f"oci://registry.example:5000/a:1@sha256:{HEX}",
            },
            {
                "name": "org.image.source",
                "value": "https://someone@dev.example/o/_git/r",
            },
        ],
    },
    "components": [component(1), nested_components(NESTED)],
}

SPDX: dict[str, Any] = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "documentNamespace": "https://sbom.example/sk-learn-"
    "3e671687-395b-41f5-a30f-a58921a69b79",
    "creationInfo": {"creators": ["Tool: sbom-maker-1.2", "Person: J (j@x.example)"]},
    "packages": [
        {
            "SPDXID": "SPDXRef-Package-deb-libglvnd-1.6.0-1",
            "downloadLocation": "git+https://git.example:team/lib.git@v1.6.0",
            "externalRefs": [
                {
                    "referenceType": "purl",
                    "referenceLocator": "pkg:deb/debian/libglvnd@1.6.0?download_url="
                    "https://mirror.example:443&vcs_url=git+https://git.example/l@1.6",
                }
            ],
            "comment": 'found in "{\\"url\\":\\"https://a.example\\",\\"by\\":\\"a@b\\"}"',
        },
        {
            "name": "ric-xapp-frame-rust-2021",
            "summary": "Basic x86_64-unknown-linux-gnu",
        },
        {"name": "openglrt-something-long-name", "summary": "Bearer rfc6750-compliant"},
        {"name": "sk-admin-dashboard-components", "summary": "basic HTTP/1.1-server"},
    ],
}

PROVENANCE: dict[str, Any] = {
    "buildDefinition": {
        "buildType": "https://build.example/type/v1",
        "externalParameters": {
            "source": "git+https://git.example/team/app@refs/heads/main",
            "inputs": {"hint": "curl 'https://x.example/?token=${TOKEN}'"},
            "help": "pass --url https://x.example/?password=<your password>",
        },
        "resolvedDependencies": [
            {"uri": f"docker://alpine:3.19@sha256:{HEX}"},
            {"uri": f"docker-pullable://golang:1.22@sha256:{HEX}"},
            {"uri": "git+ssh://git.example:team/app@" + "0f" * 20},
            {"uri": "https://[::1]:8443/app@v1"},
            {"uri": "pkg:generic/x?vcs_url=git%2Bhttps%3A%2F%2Fme%40git.example%2Fx"},
        ],
    },
    "runDetails": {"builder": {"id": "https://build.example/runner@v2"}},
}
