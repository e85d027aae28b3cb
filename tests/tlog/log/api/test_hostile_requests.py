"""Requests that are refused before or beside their body; nothing is stored."""

import pytest

from tests.support.cases import in_one_test
from tests.support.filled import Filled
from tests.support.http import ask, first_answer, post
from tests.support.openapi import require_documented
from tests.support.records import cbor_body, digest, json_body, record
from tests.support.refused import Unchanged, require_refused
from tlog.entries.submission import MAX_BODY_BYTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOTH_WAYS = True
AT_FRONT = True

GOOD = json_body(record("hostile"))
ZEROS = "0" * 64
ENTRIES = "/api/v1/entries"
INCLUSION = "/api/v1/proof/inclusion"
CONSISTENCY = "/api/v1/proof/consistency"
SEARCH = "/api/v1/search"
KNOWN = f"sha256:{digest('signer')}"

DECIMALS = ["", "-1", "+1", "01", "1.0", "1e2", "0x1", "1_0", "%201", "1%20", "1%00"]
DECIMALS += ["%D9%A1", "%EF%BC%91", "a", "9223372036854775808", "1" * 5_000, "%", "%zz"]

QUERIES = [
    (INCLUSION, "asked for by index or by leaf_hash"),
    (f"{INCLUSION}?size=3", "asked for by index or by leaf_hash"),
    (f"{INCLUSION}?index=1&leaf_hash={ZEROS}", "asked for by index or by leaf_hash"),
    (f"{INCLUSION}?index=1&index=1", "stands here twice: found 'index'"),
    (f"{INCLUSION}?index=1&index=2", "stands here twice: found 'index'"),
    (f"{INCLUSION}?index=1&Index=2", "unknown query parameter: found 'Index'"),
    (f"{INCLUSION}?index=1&x", "unknown query parameter: found 'x'"),
    (f"{INCLUSION}?index=1&%00=1", "unknown query parameter"),
    (f"{INCLUSION}?index=3&size=3", "index is below size, 3: found 3"),
    (f"{INCLUSION}?index=0&size=0", "index is below size, 0: found 0"),
    (f"{INCLUSION}?index=1;size=3", "index must be a decimal"),
    (f"{INCLUSION}?leaf_hash={'A' * 64}", "leaf_hash has 64 lower-case hex digits"),
    (f"{INCLUSION}?leaf_hash={'a' * 63}", "leaf_hash has 64 lower-case hex digits"),
    (f"{INCLUSION}?leaf_hash={'a' * 65}", "leaf_hash has 64 lower-case hex digits"),
    (f"{INCLUSION}?leaf_hash=", "leaf_hash has 64 lower-case hex digits"),
    (f"{INCLUSION}?leaf_hash={'a' * 64}%0A", "leaf_hash has 64 lower-case hex"),
    (f"{INCLUSION}?leaf_hash=%ED%A0%80", "a query is UTF-8"),
    (CONSISTENCY, "the query parameter old is missing"),
    (f"{CONSISTENCY}?new=3", "the query parameter old is missing"),
    (f"{CONSISTENCY}?old=3&new=2", "old is at most new, 2: found 3"),
    (f"{CONSISTENCY}?old=3&old=3", "stands here twice"),
    (f"{CONSISTENCY}?old=3&size=3", "unknown query parameter"),
    (ENTRIES, "the query parameter end is missing"),
    (f"{ENTRIES}?start=1", "the query parameter end is missing"),
    (f"{ENTRIES}?end=1", "the query parameter start is missing"),
    (f"{ENTRIES}?start=2&end=2", "start is below end, 2: found 2"),
    (f"{ENTRIES}?start=3&end=2", "start is below end, 2: found 3"),
    (f"{ENTRIES}?start=0&end=1&limit=1", "unknown query parameter"),
    (f"{ENTRIES}/1?x=1", "unknown query parameter"),
    (SEARCH, "a search is for one of digest, identity, issuer, key"),
    (f"{SEARCH}?digest={KNOWN}&digest={KNOWN}", "stands here twice"),
    (f"{SEARCH}?digest={KNOWN}&end=3", "unknown query parameter"),
    (f"{SEARCH}?digest={KNOWN}&identity=a", "a search is for one of"),
    (f"{SEARCH}?key=sha512:{'0' * 128}", "a key is sha256: and hex"),
    (f"{SEARCH}?key=sha256:0", "key has 64 lower-case hex digits"),
    (f"{SEARCH}?digest=", "a digest is sha256:, sha384: or sha512: and hex"),
    (f"{SEARCH}?digest={ZEROS}", "a digest is sha256:, sha384: or sha512: and hex"),
    (f"{SEARCH}?digest=sha1:{'0' * 40}", "a digest is sha256:, sha384: or sha512:"),
    (f"{SEARCH}?digest=SHA256:{ZEROS}", "a digest is sha256:, sha384: or sha512:"),
    (f"{SEARCH}?digest=sha256:{'A' * 64}", "digest has 64 lower-case hex digits"),
    (f"{SEARCH}?digest=sha384:{ZEROS}", "digest has 96 lower-case hex digits"),
    (f"{SEARCH}?digest=sha512:{ZEROS}", "digest has 128 lower-case hex digits"),
    *[(f"{INCLUSION}?index={it}", "index must be a decimal") for it in DECIMALS],
    *[(f"{INCLUSION}?index=0&size={it}", "size must be a") for it in DECIMALS],
    *[(f"{CONSISTENCY}?old={it}", "old must be a decimal") for it in DECIMALS],
    *[(f"{CONSISTENCY}?old=0&new={it}", "new must be a") for it in DECIMALS],
    *[(f"{ENTRIES}?start={it}&end=9", "start must be a decimal") for it in DECIMALS],
    *[(f"{ENTRIES}?start=0&end={it}", "end must be a decimal") for it in DECIMALS],
    *[(f"{SEARCH}?digest={KNOWN}&start={it}", "start must be") for it in DECIMALS],
    *[(f"{ENTRIES}/{it}", "index must be a decimal") for it in DECIMALS if it],
]

BEYOND = [300, 301, 2**48, 2**63 - 1]

ABSENT = [
    *[f"{INCLUSION}?index={it}" for it in BEYOND],
    *[f"{INCLUSION}?index=0&size={it}" for it in BEYOND[1:]],
    *[f"{CONSISTENCY}?old={it}" for it in BEYOND[1:]],
    *[f"{CONSISTENCY}?old=0&new={it}" for it in BEYOND[1:]],
    *[f"{ENTRIES}/{it}" for it in BEYOND],
    *[f"{ENTRIES}?start={it}&end={2**63 - 1}" for it in BEYOND[:-1]],
    f"{INCLUSION}?leaf_hash={ZEROS}",
]

PATHS = [
    *(
        "//",
        "/index.html",
        "/explorer",
        "//checkpoint",
        "/checkpoint/",
        "/checkpoint/x",
        "/Checkpoint",
    ),
    *("/api", "/api/v1", "/api/v2/log", "/api/v1/entries/", "/api/v1/entries/1/2"),
    *("/api/v1/proof", "/api/v1/../../checkpoint", "/./checkpoint", "/%2fcheckpoint"),
    *("/..", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/public/checkpoint"),
    *("/keys/log.ed25519", "/tile/../../keys/log.ed25519", "/journal.db", "/%", "/%zz"),
]


@in_one_test(("target", "detail"), QUERIES)
async def test_a_broken_question_is_refused(
    filled: Filled, target: str, detail: str
) -> None:
    answer = await ask(filled.url, target)
    require_refused(answer, 400, "invalid-request", detail, target)


@in_one_test("target", ABSENT)
async def test_what_the_log_does_not_have_is_not_found(
    filled: Filled, target: str
) -> None:
    answer = await ask(filled.url, target)
    rule = "no entry has this" if "leaf_hash" in target else "the log has 300 entries"
    require_refused(answer, 404, "not-found", rule, target)


@in_one_test("path", PATHS)
async def test_what_is_no_resource_is_not_found(filled: Filled, path: str) -> None:
    answer = await ask(filled.url, path)
    assert (404, "not-found") == (answer.status, answer.json()["type"])
    assert answer.media_type == "application/problem+json"


@in_one_test("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@in_one_test(
    ("path", "allowed"),
    [
        *[(ENTRIES, "GET,HEAD,POST"), (f"{ENTRIES}/1", "GET,HEAD")],
        *[("/checkpoint", "GET,HEAD"), ("/tile/0/000", "GET,HEAD")],
        *[(INCLUSION, "GET,HEAD"), ("/metrics", "GET,HEAD")],
    ],
)
async def test_another_method_is_refused_and_told_which_there_are(
    filled: Filled, method: str, path: str, allowed: str
) -> None:
    with Unchanged(filled):
        answer = await ask(filled.url, path, method=method)
    assert (405, "method-not-allowed") == (answer.status, answer.json()["type"])
    assert allowed == answer.headers["allow"]
    require_documented(method, path, answer)


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/000", INCLUSION, "/healthz"])
async def test_reads_take_no_post(filled: Filled, path: str) -> None:
    answer = await ask(filled.url, path, method="POST", body=b"x")
    assert (405, "method-not-allowed") == (answer.status, answer.json()["type"])


@in_one_test(
    "media_type",
    [
        *("", ";;;", "text/plain", "text/json", "application/jsonx", "*/*"),
        *("application/json, application/cbor", "application/x-www-form-urlencoded"),
        *("multipart/form-data; boundary=x", "application/octet-stream", "json"),
    ],
)
async def test_a_body_of_another_type_is_refused(
    filled: Filled, media_type: str
) -> None:
    with Unchanged(filled):
        answer = await post(filled.url, GOOD, media_type=media_type)
        rule = "a body is application/json or application/cbor, and not encoded"
        require_refused(answer, 415, "unsupported-media-type", rule)


async def test_a_body_without_a_type_is_refused(filled: Filled) -> None:
    with Unchanged(filled):
        answer = await ask(filled.url, ENTRIES, method="POST", body=GOOD)
        require_refused(answer, 415, "unsupported-media-type", "a body is")


@in_one_test("coding", ["gzip", "deflate", "br", "identity", "x", ""])
async def test_an_encoded_body_is_refused(filled: Filled, coding: str) -> None:
    with Unchanged(filled):
        headers = {"Content-Encoding": coding}
        answer = await post(filled.url, GOOD, headers=headers)
        require_refused(answer, 415, "unsupported-media-type", "not encoded")


async def test_a_body_of_the_other_type_is_refused(filled: Filled) -> None:
    with Unchanged(filled):
        as_cbor = await post(filled.url, GOOD, media_type="application/cbor")
        require_refused(as_cbor, 400, "invalid-request", "")
        as_json = await post(filled.url, cbor_body(record("hostile")))
        require_refused(as_json, 400, "invalid-request", "the body is")


async def test_a_declared_body_above_the_bound_is_refused_unread(
    filled: Filled,
) -> None:
    request = (
        f"POST {ENTRIES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {MAX_BODY_BYTES + 1}\r\nConnection: close\r\n\r\n"
    )
    with Unchanged(filled):
        answer = await first_answer(filled.url, request.encode())
        rule = "a body has at most 8388608 bytes"
        require_refused(answer, 413, "too-large", rule)


async def test_a_chunked_body_above_the_bound_is_refused(filled: Filled) -> None:
    head = (
        f"POST {ENTRIES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    chunks = chunk * (MAX_BODY_BYTES // 0x10000 + 1)
    with Unchanged(filled):
        answer = await first_answer(filled.url, head.encode() + chunks)
        rule = "a body has at most 8388608 bytes"
        require_refused(answer, 413, "too-large", rule)


async def test_a_body_of_the_bound_is_read(filled: Filled) -> None:
    with Unchanged(filled):
        answer = await post(filled.url, b" " * MAX_BODY_BYTES)
        require_refused(answer, 400, "invalid-request", "the body is")


async def test_a_chunked_body_is_a_body(filled: Filled) -> None:
    head = (
        f"POST {ENTRIES} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    body = json_body(record(0))
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    with Unchanged(filled):
        answer = await first_answer(filled.url, head.encode() + chunks)
        assert (200, 0) == (answer.status, answer.json()["entries"][0]["index"])


@in_one_test(
    "accept",
    [
        *("application/xml", "text/html", ";;;", ",", "text", "*", "q=0", "\udcff"),
        *("application/json", "*/*", "", "application/json, text/plain"),
    ],
)
async def test_an_accept_that_names_no_proof_file_gets_json(
    filled: Filled, accept: str
) -> None:
    target = f"{INCLUSION}?index=1"
    answer = await ask(filled.url, target, headers={"Accept": accept})
    assert (200, "application/json") == (answer.status, answer.media_type)


@pytest.mark.parametrize(
    ("target", "status", "token"),
    [
        (f"{INCLUSION}?index=300", 404, "not-found"),
        (f"{INCLUSION}?index=x", 400, "invalid-request"),
        (f"{INCLUSION}?index=1&size=299", 400, "invalid-request"),
    ],
)
async def test_a_refused_proof_file_is_a_problem_document_all_the_same(
    filled: Filled, target: str, status: int, token: str
) -> None:
    answer = await ask(filled.url, target, headers={"Accept": "text/plain"})
    require_refused(answer, status, token, "", target)
