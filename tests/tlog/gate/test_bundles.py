"""Sigstore bundles of a log's door in GitHub's shape, as a source of the gate."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.http import ask
from tests.support.lying import lying_about
from tests.support.rekor import P256, body_of, dsse, private_key
from tests.support.running import published
from tests.tlog.documents.kept import Kept, keeping
from tests.tlog.gate.test_deciding import silent
from tests.tlog.gate.workshop import Place, running_gate
from tests.tlog.rules.workshop import built
from tests.tlogverify.attestation.stories import BUILDER, SLSA, SOURCE
from tlog.attest import NamedDigest, encode_statement
from tlog.gate.bundles import BundleSource
from tlog.gate.sources import Asked, LogBounds
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.network import DIRECT
from tlogverify.errors import FormatError, TlogError

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHA256 = hashlib.sha256(b"app").digest()
RULES = (
    f'[[keys]]\nname = "release"\nfile = "release.pub"\nbuilders = ["{BUILDER}"]\n'
    f'[[require]]\npredicate_types = ["{SLSA}"]\nsigners = ["release"]\n'
    f'sources = ["{SOURCE}"]\n'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    """Give a log in which a Sigstore client has signed three statements of one app."""
    folder = tmp_path_factory.mktemp("bundles") / "log"
    changes = {"sigstore": True, "sigstore_native": True, "origin": "log.test"}
    async with keeping(folder, **changes) as found:
        for number in range(3):
            await sign(found, number)
        yield found


async def sign(kept: Kept, number: int) -> None:
    """Log an envelope as a Sigstore client does, and keep it by a record."""
    predicate = built().predicate
    assert isinstance(predicate, dict)
    subjects = (NamedDigest("app", SHA256),)
    statement = encode_statement(subjects, SLSA, {**predicate, "number": number})
    request = dsse(statement, P256)
    sent = {"Content-Type": "application/json"}
    answer = await ask(
        kept.url,
        "/api/v2/log/entries",
        method="POST",
        headers=sent,
        body=body_of(request),
    )
    assert 201 == answer.status
    envelope = json.dumps(request["dsseRequestV002"]["envelope"]).encode()
    # The record leads to it, and is not one that could stand for it.
    await kept.log_entry(envelope, "app", predicateType="urn:test:kept")
    assert 201 == (await kept.put(envelope)).status
    await published(kept.log)


def place_of(folder: Path, policy: Path) -> Place:
    """Return a place whose rules name the client's key, and no document."""
    made = Place(folder)
    public = private_key(P256).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "release.pub").write_bytes(pem)
    made.rules.write_text(RULES)
    made.policy.write_bytes(policy.read_bytes())
    made.documents.mkdir()
    return made


async def test_what_a_sigstore_client_has_logged_counts_by_its_bundle(
    kept: Kept, tmp_path: Path
) -> None:
    made = place_of(tmp_path, kept.documents.store.root.parent / "policy")
    artifact = f"sha256:{SHA256.hex()}"
    async with running_gate(made, log=kept.url) as served:
        assert "no-entry" == (await served.decide(artifact))["reason"]
    async with running_gate(made, log=kept.url, log_bundles=True) as served:
        told = await served.decide(artifact)
        assert ("met", "log.test") == (told["reason"], told["origin"])
        other = await served.decide(f"sha256:{'ab' * 32}")
        assert "no-entry" == other["reason"]
    # The bundles are of this app, whatever artifact the log says that they are of.
    door = "/repos/-/-/attestations/"
    of_app = (await ask(kept.url, f"{door}{artifact}")).body
    assert b"bundle" in of_app
    with lying_about(kept.url) as (url, lying):
        lying.lies = {door: lambda _: of_app}
        async with running_gate(made, log=url, log_bundles=True) as served:
            assert "met" == (await served.decide(artifact))["reason"]
            other = await served.decide(f"sha256:{'ab' * 32}")
            assert ("refused", None) == (other["outcome"], other["origin"])


async def test_all_pages_are_read_and_what_is_left_out_is_told(kept: Kept) -> None:
    asked = Asked("", SHA256)
    for per_page in (1, 2, 100):
        async with BundleSource(kept.url, DIRECT, LogBounds(60), per_page) as source:
            found = await source.find(asked)
            assert (3, "") == (len(found.documents), found.left_out)
    async with BundleSource(kept.url, DIRECT, LogBounds(60, entries=2), 1) as source:
        found = await source.find(asked)
        assert (2, True) == (len(found.documents), "more" in found.left_out)


async def test_a_door_that_is_none_is_no_answer() -> None:
    async def answer(request: web.Request) -> web.Response:
        (status,) = (int(it) for it in request.url.parts if it.isdecimal())
        headers = {"Location": "/", "Link": '<http://127.0.0.1:1/>; rel="next"'}
        page: dict[str, list[str]] = {"attestations": []} if status == 200 else {}
        return web.json_response(page, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    table: list[tuple[int, type[TlogError]]] = [
        (200, FormatError),
        (201, FormatError),
        (302, FormatError),
        (403, RefusedError),
        (503, TlogError),
    ]
    async with TestServer(app) as server:
        for status, error in table:
            url = f"http://127.0.0.1:{server.port}/{status}"
            async with BundleSource(url, DIRECT, LogBounds(60)) as source:
                with pytest.raises(error):
                    await source.find(Asked("", SHA256))
    async with BundleSource("http://127.0.0.1:1", DIRECT, LogBounds(60)) as source:
        with pytest.raises(UnavailableError):
            await source.find(Asked("", SHA256))
    async with (
        silent() as url,
        BundleSource(url, DIRECT, LogBounds(0.05)) as source,
    ):
        with pytest.raises(TimeoutError):
            await source.find(Asked("", SHA256))
