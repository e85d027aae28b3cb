"""Exceptions: about what, for how long, and whether they were needed."""

from pathlib import Path

import pytest

from tests.tlog.rules.workshop import (
    BUILD,
    CLEAN,
    NOW,
    OTHER_SHA256,
    SCANNED,
    WAIVED,
    Paper,
    at,
    built,
    decided,
    keys,
)
from tests.tlogverify.attestation.stories import (
    BOB,
    SOURCE,
)
from tests.tlogverify.documents import ARTIFACT_SHA256


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(WAIVED % (ARTIFACT_SHA256.hex(), at(NOW)), 1, id="holds"),
        pytest.param(WAIVED % (ARTIFACT_SHA256.hex(), at(NOW - 1)), 0, id="has-ended"),
        pytest.param(WAIVED % (OTHER_SHA256, at(NOW)), 0, id="other-artifact"),
        pytest.param(
            WAIVED % (ARTIFACT_SHA256.hex(), at(NOW)) + 'requirements = ["scan"]\n',
            1,
            id="of-the-scan",
        ),
        pytest.param(
            WAIVED % (ARTIFACT_SHA256.hex(), at(NOW)) + 'requirements = ["build"]\n',
            0,
            id="of-the-build",
        ),
    ],
)
def test_an_exception_lets_an_artifact_pass_until_it_ends(
    keyring: Path, text: str, count: int
) -> None:
    verdict = decided(keyring, keys() + BUILD + SCANNED + text, built())
    assert (count == 1, count) == (verdict.allowed, len(verdict.exceptions))
    if not count and "build" not in text and OTHER_SHA256 not in text:
        assert "the scanner is down" == verdict.outcomes[1].ended[0].reason


def test_an_exception_that_is_not_needed_is_not_counted(keyring: Path) -> None:
    text = keys() + BUILD + SCANNED + WAIVED % (ARTIFACT_SHA256.hex(), "2030-01-01")
    verdict = decided(keyring, text, built(), CLEAN)
    assert (True, ()) == (verdict.allowed, verdict.exceptions)


@pytest.mark.parametrize(
    ("source", "papers", "is_allowed"),
    [
        pytest.param(SOURCE, (built(),), True, id="the-source"),
        pytest.param(SOURCE + ".git", (built(),), True, id="as-tools-differ"),
        pytest.param(SOURCE + "/", (built(),), False, id="another-source"),
        pytest.param(SOURCE, (), False, id="no-proven-source"),
        pytest.param(SOURCE, (built(signers=(BOB,)),), False, id="no-trusted-source"),
    ],
)
def test_an_exception_by_source_needs_a_proven_one(
    keyring: Path, source: str, papers: tuple[Paper, ...], is_allowed: bool
) -> None:
    text = (WAIVED % ("", "2030-01-01")).replace('digest = "sha256:"', "source = 'S'")
    text = keys() + BUILD + SCANNED + text.replace("'S'", f'"{source}"')
    assert is_allowed == decided(keyring, text, *papers).allowed
