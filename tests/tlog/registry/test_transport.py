"""Requests to a registry that waits, leads astray, asks who we are, or lies."""

import json
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.cases import case
from tests.support.registry import (
    IMAGE,
    IMAGE_DIGEST,
    NAME,
    OCI_INDEX,
    OCI_MANIFEST,
    PASSWORD,
    TOKEN,
    USER,
    Answerer,
    StandIn,
    basic,
    sha256,
)
from tests.system.test_submit_network import make_certificate
from tests.tlog.registry.conftest import Opener
from tlog.registry import Keyring, Repository, Way, parse_reference
from tlog.registry.errors import AbsentError, DeniedError, UnreachedError
from tlog.registry.manifests import Descriptor
from tlog.registry.references import Digest
from tlogclient.network import trust_authorities
from tlogverify.errors import FormatError, VerificationError

WRONG = {"username": USER, "password": "x"}


def answering(make: Callable[[], web.Response]) -> Answerer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return make()

    return answer


def saying(body: bytes) -> Answerer:
    return answering(lambda: web.Response(body=body))


def refusing(status: int, **headers: str) -> Answerer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answering(lambda: web.Response(status=status, headers=named))


@asynccontextmanager
async def elsewhere(
    status: int, body: bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, list[str | None]]]:
    """Serve another host's answer; give its URL, and the Authorization that comes."""
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        assert "1" == request.query["secret"]
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_route("*", "/place", answer)
    other = TestServer(app, scheme="http" if tls is None else "https")
    await other.start_server(ssl=tls)
    async with other:
        yield str(other.make_url("/place?secret=1")), seen


def described(content: bytes, size: int) -> Descriptor:
    return Descriptor("a/b", Digest(sha256(content)), size)


def keyring(standin: StandIn, **entry: str) -> Keyring:
    known = entry or {"username": USER, "password": PASSWORD}
    return Keyring({standin.authority: known})


async def test_busy_registries_are_asked_again(
    standin: StandIn, opened: Opener
) -> None:
    waits = [refusing(it, Retry_After="0") for it in (429, 500, 502, 503, 504)]
    standin.instead.extend(waits)
    found = await opened().find_manifest("1.0")
    assert found is not None
    assert IMAGE == found.content
    assert 6 == len(standin.requests)


async def test_a_registry_that_stays_busy_says_nothing_of_the_image(
    standin: StandIn, opened: Opener
) -> None:
    standin.instead.extend([refusing(503, Retry_After="0")] * 8)
    with pytest.raises(UnreachedError, match=r"the manifest 1\.0: .* 503"):
        await opened().find_manifest("1.0")
    assert 8 == len(standin.requests)


async def test_a_pause_that_is_too_long_is_not_waited_for(
    standin: StandIn, opened: Opener
) -> None:
    standin.instead.extend([refusing(429, Retry_After="3600")])
    with pytest.raises(UnreachedError):
        await opened().find_manifest("1.0")
    assert 1 == len(standin.requests)


async def test_where_no_registry_listens_nothing_is_said_of_the_image() -> None:
    async with StandIn().serve() as gone:
        reference = parse_reference(gone.image)
    repository = Repository(reference, Way(Keyring(), 0.3))
    try:
        with pytest.raises(UnreachedError, match="is a registry there"):
            await repository.find_manifest("1.0")
    finally:
        await repository.close()


async def test_refusals_are_told_by_their_codes_alone(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "basic"
    with pytest.raises(DeniedError, match="401 UNAUTHORIZED; docker login") as raised:
        await opened().find_manifest("1.0")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    standin.auth = ""
    with pytest.raises(AbsentError, match="404 BLOB_UNKNOWN"):
        await opened().get_blob(described(b"", 0), 10)
    standin.instead.append(refusing(418))
    with pytest.raises(DeniedError, match="418"):
        await opened().find_manifest("1.0")
    standin.instead.append(refusing(204))
    with pytest.raises(FormatError):
        await opened().find_manifest("1.0")


async def test_what_a_digest_names_is_hashed(standin: StandIn, opened: Opener) -> None:
    standin.instead.append(answering(lambda: web.Response(body=IMAGE + b" ")))
    with pytest.raises(VerificationError, match="other bytes"):
        await opened().find_manifest(IMAGE_DIGEST)
    for body, error in {b"12345": VerificationError, b"123456": FormatError}.items():
        standin.instead.append(saying(body))
        with case(str(body)), pytest.raises(error):
            await opened().get_blob(described(b"1234 ", 5), 10)


async def test_what_is_too_large_is_not_read(standin: StandIn, opened: Opener) -> None:
    repository = opened()
    with pytest.raises(FormatError, match="at most 10 bytes"):
        await repository.get_blob(described(b"", 11), 10)
    assert [] == standin.requests
    large = b" " * ((4 << 20) + 1)
    standin.instead.append(answering(lambda: web.Response(body=large)))
    with pytest.raises(FormatError, match="at most 4194304 bytes"):
        await repository.find_manifest("1.0")
    packed = {"Content-Encoding": "gzip"}
    standin.instead.append(answering(lambda: web.Response(body=b"", headers=packed)))
    with pytest.raises(FormatError, match="compressed"):
        await repository.find_manifest("1.0")


async def test_a_basic_challenge_is_answered_once(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "basic"
    repository = opened(keyring(standin))
    for _ in range(2):
        assert await repository.find_manifest("1.0") is not None
    header = basic(USER, PASSWORD)
    # What was accepted is sent at once from then on.
    assert [None, header, header] == standin.authorized
    with pytest.raises(DeniedError):
        await opened(keyring(standin, **WRONG)).find_manifest("1")
    assert 5 == len(standin.requests)


async def test_a_token_is_asked_for_this_repository_alone(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "bearer"
    ways = {
        "a password": keyring(standin),
        "an identity token": keyring(standin, identitytoken=PASSWORD),
    }
    for name, given in ways.items():
        with case(name):
            repository = opened(given)
            assert await repository.find_manifest("1.0") is not None
            await repository.put_blob(b"content")
    asked = [json.loads(it) for it in standin.tokens]
    scopes = [f"repository:{NAME}:pull", f"repository:{NAME}:pull,push"]
    assert 2 * scopes == [it["scope"] for it in asked]
    assert {"stand-in"} == {it["service"] for it in asked}
    assert [PASSWORD] * 2 == [it["refresh_token"] for it in asked[2:]]


async def test_a_public_registry_gives_tokens_to_nobody_in_particular(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth, standin.is_public = "bearer", True
    assert await opened().find_manifest("1.0") is not None
    assert [None, None, f"Bearer {TOKEN}"] == standin.authorized


async def test_certificates_are_judged_by_the_authorities_that_are_named(
    standin: StandIn, tmp_path: Path
) -> None:
    serving, certificate = make_certificate(tmp_path)
    content, reference = described(b"content", 7), parse_reference(standin.image)
    async with elsewhere(200, b"content", serving) as (place, _):
        assert place.startswith("https://127.0.0.1:")
        for tls in (None, trust_authorities(certificate)):
            repository = Repository(reference, Way(Keyring(), 60, tls))
            standin.instead.append(refusing(307, Location=place))
            try:
                if tls is not None:
                    assert b"content" == await repository.get_blob(content, 10)
                    continue
                with pytest.raises(UnreachedError, match=r"is not trusted .*--ca-file"):
                    await repository.get_blob(content, 10)
            finally:
                await repository.close()


async def test_a_token_that_has_ended_is_renewed_once(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "bearer"
    repository = opened(keyring(standin))
    await repository.find_manifest("1.0")
    standin.instead.append(
        refusing(
            401, WWW_Authenticate=f'Bearer realm="http://{standin.authority}/token"'
        )
    )
    assert await repository.find_manifest("1.0") is not None
    assert 2 == len(standin.tokens)
    # A token of the file's own is not asked for at all.
    given = opened(keyring(standin, registrytoken=TOKEN))
    assert await given.find_manifest("1.0") is not None
    assert 2 == len(standin.tokens)


async def test_a_token_server_that_refuses_shows_no_secret(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "bearer"
    with pytest.raises(DeniedError, match="its token server") as raised:
        await opened(keyring(standin, **WRONG)).find_manifest("1")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))
    answers = (b'{"token":"a b"}', b'{"token":1}', b"secret", b"{}")
    for body in answers:
        challenge = f'Bearer realm="http://{standin.authority}/token"'
        standin.instead.append(refusing(401, WWW_Authenticate=challenge))
        standin.instead.append(saying(body))
        with case(str(body)), pytest.raises(FormatError) as refused:
            await opened(keyring(standin)).find_manifest("1.0")
        assert "secret" not in str(refused.value)


async def test_a_token_is_not_fetched_by_plain_http(
    standin: StandIn, opened: Opener
) -> None:
    realms = ("http://auth.example/token", "", "ftp://auth.example", "x")
    for realm in realms:
        challenge = f'Bearer realm="{realm}"'
        standin.instead.append(refusing(401, WWW_Authenticate=challenge))
        with case(realm), pytest.raises(FormatError):
            await opened(keyring(standin)).find_manifest("1.0")
    assert len(realms) == len(standin.requests)


async def test_secrets_stay_behind_where_a_request_is_led_on(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "basic"
    repository = opened(keyring(standin))
    await repository.find_manifest("1.0")
    async with elsewhere(200, b"content") as (place, seen):
        standin.instead.append(refusing(307, Location=place))
        assert b"content" == await repository.get_blob(described(b"content", 7), 10)
    assert [None] == seen
    # To the registry itself they go along.
    standin.instead.append(refusing(302, Location=f"/v2/{NAME}/manifests/1.0"))
    assert await repository.find_manifest("1.0") is not None
    assert basic(USER, PASSWORD) == standin.authorized[-1]


async def test_who_leads_in_circles_or_astray_is_left(
    standin: StandIn, opened: Opener
) -> None:
    standin.instead.extend([refusing(307, Location="/v2/")] * 7)
    with pytest.raises(FormatError, match="307"):
        await opened().find_manifest("1.0")
    assert 6 == len(standin.requests)
    standin.instead.clear()
    for place in ("http://blobs.example/x?secret=1", "file:///etc/passwd", "ftp://x/"):
        standin.instead.append(refusing(307, Location=place))
        with case(place), pytest.raises(FormatError) as raised:
            await opened().find_manifest("1.0")
        assert "secret" not in str(raised.value)


async def test_an_upload_is_not_led_on_with_secrets(
    standin: StandIn, opened: Opener
) -> None:
    standin.auth = "basic"
    repository = opened(keyring(standin))
    await repository.find_manifest("1.0")
    async with elsewhere(201, b"") as (place, seen):
        standin.instead += [refusing(404), refusing(202, Location=place)]
        await repository.put_blob(b"content")
    assert [None] == seen
    standin.instead.extend([refusing(404), refusing(202)])
    with pytest.raises(FormatError, match="Location"):
        await repository.put_blob(b"content")


async def test_pages_are_followed_and_bounded(standin: StandIn, opened: Opener) -> None:
    standin.has_api, standin.page = True, 2
    listed = {standin.attach(b"%d" % n, "a/b") for n in range(5)}
    found = await opened().list_referrers(Digest(IMAGE_DIGEST))
    assert found is not None
    assert listed == {it["digest"] for it in found}
    assert 3 == len(standin.requests)


async def test_lists_without_end_are_left(standin: StandIn, opened: Opener) -> None:
    digest = Digest(IMAGE_DIGEST)
    path = f"/v2/{NAME}/referrers/{digest}"

    def page(count: int, next_path: str) -> Answerer:
        entry = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
        body = json.dumps({"manifests": [entry] * count}).encode()
        link = {"Link": f'<{next_path}>; rel="next"'}
        return answering(
            lambda: web.Response(body=body, headers=link, content_type=OCI_INDEX)
        )

    standin.instead.extend([page(0, path)] * 101)
    with pytest.raises(FormatError, match="at most 100 pages"):
        await opened().list_referrers(digest)
    standin.instead.clear()
    standin.instead.extend([page(600, path)] * 2)
    with pytest.raises(FormatError, match="at most 1000 referrers"):
        await opened().list_referrers(digest)
    standin.instead.append(page(1, "https://evil.example/v2"))
    with pytest.raises(FormatError, match="at the same place"):
        await opened().list_referrers(digest)
    # A list that breaks off is no short list.
    standin.instead.extend([page(1, path), refusing(404)])
    with pytest.raises(FormatError, match="last page"):
        await opened().list_referrers(digest)
    for status in (400, 404, 405, 406, 501):
        standin.instead.append(refusing(status, Retry_After="0"))
        assert await opened().list_referrers(digest) is None
