"""What the documents lack, and for which client; who is not asked is not counted."""

import dataclasses

from tests.tlog.sigstore.test_documents import ALL, LOG, START
from tlog.sigstore.neighbours import Neighbours
from tlog.sigstore.summary import count_neighbours, name_gaps
from tlog.sigstore.validity import parse_time

NOW_NS = parse_time("now", START)


def test_nothing_is_missing_where_all_of_them_are() -> None:
    assert [] == list(name_gaps(LOG, ALL, NOW_NS))


def test_what_is_missing_is_named_with_whom_it_stops() -> None:
    gaps = list(name_gaps(LOG, Neighbours(), NOW_NS))
    assert 6 == len(gaps)
    assert "no Fulcio to sign with: sigstore-python" in gaps[0]
    assert "cosign with a key can" in gaps[0]
    assert "wants --identity-token" in gaps[-1]


def test_a_service_whose_validity_is_over_is_missing() -> None:
    over = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
    ended = {**ALL.ca_urls[0], "validFor": over}
    found = dataclasses.replace(ALL, ca_urls=(ended,))
    not_asked, missing = name_gaps(LOG, found, NOW_NS)
    assert f"not asked: {ended['url']}" in not_asked
    assert "no Fulcio to sign with" in missing
    assert 0 == count_neighbours(found, NOW_NS)["ca_urls"]


def test_a_service_of_a_version_that_no_client_reads_is_missing() -> None:
    found = dataclasses.replace(
        ALL, tsa_urls=({**ALL.tsa_urls[0], "majorApiVersion": 2},)
    )
    not_asked, missing = name_gaps(LOG, found, NOW_NS)
    assert "its API version is not 1" in not_asked
    assert "no timestamp authority to ask" in missing


def test_before_the_start_of_the_log_that_is_told_alone() -> None:
    (gap,) = name_gaps(LOG, ALL, NOW_NS - 1)
    assert f"used from {START} on" in gap
