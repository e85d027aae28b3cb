"""A log that serves Sigstore's clients changes its key: what each trusted root proves.

The bundles are made and verified by the released sigstore-python, beside our command.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.sigstore.workshop import EMAIL, Client, Workshop, workshop
from tests.system.server import run_tlog
from tlogverify import Policy

START = ("--start", "2020-01-01T00:00:00Z")
ARTIFACT = b"an artifact that is signed three times"


class Rotated(NamedTuple):
    """Clients by their root; the bundle of each time lies in the folder."""

    folder: Path
    issuer: str
    clients: dict[str, Client]

    def verify(self, root: str, time: str) -> tuple[int, int, str]:
        """Return the status of their client, of our command, and what that said."""
        artifact, bundle = self.folder / "app", self.folder / f"{time}.json"
        client = self.clients[root]
        theirs = client.run_verify("--bundle", bundle, artifact).returncode
        ours = run_tlog(
            *("verify", artifact, "--bundle", bundle),
            *("--trusted-root", client.trust.with_name("trusted_root.json")),
            *("--identity", EMAIL, "--issuer", self.issuer),
        )
        return theirs, ours.returncode, ours.stderr


@pytest.fixture(scope="module")
def rotated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotated]:
    folder = tmp_path_factory.mktemp("rotation")
    # The setting is the log's: a change of its key must go into a log that else takes
    # no records.
    config = folder / "log.toml"
    config.write_text("sigstore = true\n")
    (folder / "app").write_bytes(ARTIFACT)
    clients: dict[str, Client] = {}
    with workshop(folder) as shop:
        for root, time, step in (
            ("old", "before", ()),
            ("both", "during", ("--retire", "--early")),
            ("new", "after", None),
        ):
            clients[root] = shop.client_of(root, *START)
            _sign(shop, clients[root], folder / f"{time}.json")
            if step is not None:
                assert 0 == shop.server.terminate()
                log = folder / "log"
                done = run_tlog("rotate-key", log, *step, "--config", config)
                assert 0 == done.returncode, done.stderr
                shop.server.start()
        yield Rotated(folder, shop.client.issuer, clients)


def _sign(shop: Workshop, client: Client, bundle: Path) -> None:
    with shop.signer(client) as signer:
        bundle.write_text(signer.sign_artifact(ARTIFACT).to_json())


CELLS = {
    ("old", "before"): True,
    ("old", "during"): True,
    ("old", "after"): False,
    ("both", "before"): True,
    ("both", "during"): True,
    ("both", "after"): True,
    ("new", "before"): True,
    ("new", "during"): True,
    ("new", "after"): True,
}


@pytest.mark.parametrize(("root", "time"), CELLS)
def test_each_root_judges_each_time(rotated: Rotated, root: str, time: str) -> None:
    theirs, ours, why = rotated.verify(root, time)
    if CELLS[root, time]:
        assert (0, 0, "") == (theirs, ours, why)
    else:
        assert 0 != theirs
        assert (1, True) == (ours, "the trusted root names no log of the id" in why)


def test_a_root_has_an_item_for_each_key_and_says_which_one_ended(
    rotated: Rotated,
) -> None:
    ended: dict[str, list[bool]] = {}
    for root, client in rotated.clients.items():
        made = json.loads(client.trust.with_name("trusted_root.json").read_bytes())
        ended[root] = ["end" in it["publicKey"]["validFor"] for it in made["tlogs"]]
    assert {"old": [False], "both": [False] * 2, "new": [False, True]} == ended
    logs = Policy.read(rotated.folder / "log" / "policy").logs
    assert 2 == len(logs)
