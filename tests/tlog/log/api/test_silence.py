"""What the log keeps to itself: entries, tokens, keys, the machine it runs on."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.http import ask, exchange, post
from tests.support.records import cbor_body, digest, json_body, record
from tests.support.running import running_log
from tlog.log_lines import configure_logs, log_event

TOKEN = "c0ffee-token-that-nobody-may-see"
SECRET = "s3cret-content"


@pytest.fixture
def written(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Iterator[Callable[[], str]]:
    """Give all that was logged so far: by us to stderr, by libraries to `logging`."""
    collected: list[str] = []

    def read() -> str:
        captured = capfd.readouterr()
        collected.extend([captured.out, captured.err])
        return "".join(collected) + caplog.text

    configure_logs("json", "debug")
    with caplog.at_level("INFO"):
        log_event("this is seen", level="debug")
        assert "this is seen" in read()
        yield read
    structlog.reset_defaults()


def tokens_file(folder: Path) -> Path:
    file = folder / "tokens"
    file.write_text(f"{hashlib.sha256(TOKEN.encode()).hexdigest()} ci\n")
    return file


async def test_no_entry_is_ever_logged(
    tmp_path: Path, written: Callable[[], str]
) -> None:
    value = record("watched")
    async with running_log(tmp_path / "log") as (url, _):
        await post(url, json_body(value))
        await post(url, cbor_body(value), media_type="application/cbor")
        await post(url, json_body({**value, "kind": SECRET}))
        await post(url, json_body(value)[:-5])
        await ask(url, f"/api/v1/search?digest=sha256:{digest('provenance watched')}")
        await ask(url, f"/api/v1/search?digest={SECRET}")
    async with running_log(tmp_path / "log"):
        pass
    logged = written()
    assert digest("provenance watched") not in logged
    assert SECRET not in logged
    assert "provenance" not in logged


async def test_no_token_is_ever_logged_or_counted(
    tmp_path: Path, written: Callable[[], str]
) -> None:
    tokens = tokens_file(tmp_path)
    async with running_log(tmp_path / "log", tokens_file=tokens) as (url, _):
        for scheme in ("Bearer", "bearer", "Basic", ""):
            headers = {"Authorization": f"{scheme} {TOKEN}"}
            await post(url, json_body(record(scheme)), headers=headers)
            await post(url, b"{}", headers=headers)
            await ask(url, f"/checkpoint?token={TOKEN}", headers=headers)
            await ask(url, f"/{TOKEN}", headers=headers)
        metrics = (await ask(url, "/metrics")).body.decode()
    assert TOKEN not in written()
    assert TOKEN not in metrics
    assert hashlib.sha256(TOKEN.encode()).hexdigest() not in metrics


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"Authorization: Bearer {TOKEN}\x01", id="control character"),
        pytest.param(f"Authorization: Bearer {TOKEN}{'x' * 9_000}", id="too long"),
        pytest.param(f"Authorization : Bearer {TOKEN}", id="space before the colon"),
    ],
)
async def test_a_token_in_a_request_that_is_no_http_is_not_logged(
    tmp_path: Path, written: Callable[[], str], header: str
) -> None:
    # aiohttp refuses it, and logs the line that it could not read.
    async with running_log(tmp_path / "log") as (url, _):
        request = f"GET /checkpoint HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n"
        await exchange(url, request.encode())
    assert TOKEN not in written()


async def test_requests_that_are_no_http_leave_no_traceback_in_the_log(
    tmp_path: Path, written: Callable[[], str]
) -> None:
    async with running_log(tmp_path / "log") as (url, _):
        await exchange(url, b"GET /checkpoint HTTP/9.9\r\nHost: a\r\n\r\n")
        await exchange(url, b"GET /checkpoint HTTP/1.1\r\n\r\n")
    assert "Traceback" not in written()


async def test_no_key_is_ever_logged(
    tmp_path: Path, written: Callable[[], str]
) -> None:
    async with running_log(tmp_path / "log", mldsa44=True) as (url, _):
        await post(url, json_body(record(1)))
    logged = written()
    for file in (tmp_path / "log" / "keys").iterdir():
        assert file.read_text().strip().split("+", 4)[4] not in logged
    assert "PRIVATE" not in logged
