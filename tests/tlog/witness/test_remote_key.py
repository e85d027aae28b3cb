"""A witness whose key an ssh-agent holds: it cosigns nothing while that is away."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.hardware import Agent
from tests.support.http import ask
from tests.support.witnessing import histories, served, witness_settings
from tlog.witness.opening import OpenWitness

ONE, _ = histories(10, common=3)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    (tmp_path / "agent").mkdir()
    it = Agent(tmp_path / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(it.socket))
    yield it
    it.end()


async def test_a_witness_waits_for_its_key_and_forgets_nothing(
    agent: Agent, tmp_path: Path
) -> None:
    uri = agent.make_key()
    agent.start()
    plain = witness_settings(tmp_path / "w")
    opened = OpenWitness(replace(plain, keys="ed25519", ed25519_key=uri))
    async with served(opened) as witness:
        assert 200 == (await witness.add(ONE.request(0, 3))).status
        agent.end()
        away = await witness.add(ONE.request(3, 5))
        assert (503, "unavailable") == (away.status, json.loads(away.body)["type"])
        state = await ask(witness.url, "/readyz")
        assert (503, False) == (state.status, state.json()["keys_sign"])
        shown = (await ask(witness.url, "/metrics")).body
        assert b"\ntlog_witness_key_away 1.0\n" in shown
        assert 3 == await witness.cosigned_size()
        await asyncio.to_thread(agent.start)
        # It heals by itself, before any log asks.
        while (await ask(witness.url, "/readyz")).status != 200:
            pass
        assert 200 == (await witness.add(ONE.request(3, 5))).status
        assert 5 == await witness.cosigned_size()
