"""Runs by their UUID."""

import hashlib

import pytest

from tests.support.cases import case
from tlogclient.runs import run_digest, run_name
from tlogverify.errors import FormatError

RUN = "01941b0c-7c2e-7d3a-9f0e-6f5d2c1b0a99"


def test_a_run_has_one_digest_however_it_is_spelled() -> None:
    expected = hashlib.sha256(b"run:" + RUN.encode()).digest()
    for text in (RUN, RUN.upper()):
        with case(text):
            assert expected == run_digest(text).value
            assert f"run:{RUN}" == run_name(text)


def test_what_is_no_uuid_is_refused() -> None:
    for text in ("", "run", RUN[:-1], f"{RUN}0", RUN.replace("-", ""), f"{{{RUN}}}"):
        with case(text), pytest.raises(FormatError, match="a run is a UUID"):
            run_digest(text)
