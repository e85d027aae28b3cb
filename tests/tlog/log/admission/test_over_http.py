"""Tokens and rates as a client meets them."""

import hashlib
from pathlib import Path

import pytest

from tests.support.http import Answer, ask, post
from tests.support.openapi import require_documented
from tests.support.records import json_body, records
from tests.support.running import running_log

TOKENS = {"ci": "token-of-ci", "dev": "token-of-dev"}


def tokens_file(folder: Path) -> Path:
    file = folder / "tokens"
    hashed = {name: hashlib.sha256(it.encode()) for name, it in TOKENS.items()}
    file.write_text(
        "".join(f"{it.hexdigest()} {name}\n" for name, it in hashed.items())
    )
    return file


async def submit(url: str, first: int, count: int, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = json_body(*records(first, first + count))
    answer = await post(url, body, headers=sent)
    require_documented("POST", "/api/v1/entries", answer)
    return answer


def require_limited(answer: Answer) -> None:
    assert (429, "rate-limited") == (answer.status, answer.json()["type"])
    assert int(answer.headers["retry-after"]) >= 1
    assert "entries a second" in answer.json()["detail"]


async def test_a_known_token_lets_in_and_nothing_else_does(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path)
    async with running_log(tmp_path / "log", tokens_file=tokens) as (url, log):
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKENS['ci']}"},
            {"Authorization": TOKENS["ci"]},
            {"Authorization": "Bearer"},
            {"X-Token": TOKENS["ci"]},
        ):
            answer = await submit(url, 0, 1, **headers)
            assert (401, "unauthorized") == (answer.status, answer.json()["type"])
            assert "Bearer" == answer.headers["www-authenticate"]
        assert 0 == log.heads.signed.size
        for number, token in enumerate(TOKENS.values()):
            answer = await submit(url, number, 1, Authorization=f"Bearer {token}")
            assert 201 == answer.status


async def test_who_has_no_token_is_refused_before_the_body_is_read(
    tmp_path: Path,
) -> None:
    tokens = tokens_file(tmp_path)
    async with running_log(tmp_path / "log", tokens_file=tokens) as (url, _):
        for body in (b"", b"{", b"[" * 10_000):
            assert 401 == (await post(url, body)).status


async def test_reading_needs_no_token(tmp_path: Path) -> None:
    tokens = tokens_file(tmp_path)
    async with running_log(tmp_path / "log", tokens_file=tokens) as (url, _):
        for target in ("/api/v1/log", "/healthz", "/metrics"):
            assert 200 == (await ask(url, target)).status


async def test_each_token_has_its_own_rate(tmp_path: Path) -> None:
    limits = {"rate_entries_per_s": 1, "rate_burst_entries": 1_000}
    tokens = tokens_file(tmp_path)
    async with running_log(tmp_path / "log", tokens_file=tokens, **limits) as (
        url,
        log,
    ):
        ci = {"Authorization": f"Bearer {TOKENS['ci']}"}
        dev = {"Authorization": f"Bearer {TOKENS['dev']}"}
        assert 201 == (await submit(url, 0, 1_000, **ci)).status
        require_limited(await submit(url, 1_000, 1_000, **ci))
        assert 1_000 == log.heads.signed.size
        assert 201 == (await submit(url, 1_000, 1_000, **dev)).status
        require_limited(await submit(url, 0, 1_000, **dev))


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_forwarded_address_counts_only_where_it_is_trusted(
    tmp_path: Path, trusted: bool
) -> None:
    limits = {"rate_entries_per_s": 1, "rate_burst_entries": 1_000}
    async with running_log(tmp_path, trust_forwarded_for=trusted, **limits) as (url, _):
        first = await submit(url, 0, 1_000, X_Forwarded_For="192.0.2.1")
        other = await submit(url, 1_000, 1_000, X_Forwarded_For="192.0.2.2")
        again = await submit(url, 2_000, 1_000, X_Forwarded_For="9.9.9.9, 192.0.2.1")
        assert 201 == first.status
        assert (201 if trusted else 429) == other.status
        require_limited(again)


async def test_a_refused_body_costs_nothing(tmp_path: Path) -> None:
    limits = {"rate_entries_per_s": 1, "rate_burst_entries": 1_000}
    async with running_log(tmp_path, **limits) as (url, _):
        broken = json_body(*records(0, 999), {})
        for _ in range(5):
            assert 400 == (await post(url, broken)).status
        assert 201 == (await submit(url, 0, 1_000)).status


async def test_reading_is_not_limited(tmp_path: Path) -> None:
    limits = {"rate_entries_per_s": 1, "rate_burst_entries": 1}
    async with running_log(tmp_path, **limits) as (url, _):
        for _ in range(20):
            assert 200 == (await ask(url, "/api/v1/log")).status
