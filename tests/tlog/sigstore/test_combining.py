"""Neighbours of flags and files, and whom Sigstore's own package asks of them."""

import dataclasses
import json
from typing import Any

import pytest
from sigstore.models import SigningConfig
from sigstore_models.trustroot.v1 import SigningConfig as ConfigModel

from tests.tlog.sigstore.test_documents import ALL, LOG, START
from tlog.sigstore.authorities import ct_log
from tlog.sigstore.combining import combine
from tlog.sigstore.documents import make_documents
from tlog.sigstore.instance import endpoint
from tlog.sigstore.neighbours import Document, Neighbours
from tlog.sigstore.validity import parse_time
from tlog.trial.ctlog import CtLog
from tlogverify.errors import FormatError

NOW_NS = parse_time("now", START)
ID = LOG.log_id
EARLIER, EARLIEST = "2025-01-01T00:00:00Z", "2024-01-01T00:00:00Z"


def fulcio(name: str, start: str, operator: str = "operator") -> Document:
    return endpoint(f"https://{name}.example", 1, start, operator)


def config_of(found: Neighbours) -> SigningConfig:
    """Return what sigstore-python reads of it."""
    text = json.dumps(make_documents(LOG, found).signing_config)
    return SigningConfig(ConfigModel.from_json(text))


def test_a_flag_replaces_what_files_have_to_sign_with() -> None:
    merged = Neighbours(ca_urls=(fulcio("merged", START),))
    found = combine(ALL, [("file", merged)], {ID}, NOW_NS)
    assert ALL.ca_urls == found.ca_urls
    kept = combine(Neighbours(tsa_urls=ALL.tsa_urls), [("file", merged)], {ID}, NOW_NS)
    assert merged.ca_urls == kept.ca_urls


def test_whom_files_trust_stays_beside_flags() -> None:
    merged = Neighbours(
        authorities=({**ALL.authorities[0], "uri": "https://old.example"},)
    )
    found = combine(ALL, [("file", merged)], {ID}, NOW_NS)
    assert ALL.authorities + merged.authorities == found.authorities


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize(
    "operators", [("a", "a", "a"), ("a", "b", "a"), ("a", "b", "b")]
)
def test_the_newest_service_is_the_one_that_is_asked(
    operators: tuple[str, str, str], is_reversed: bool
) -> None:
    starts = (START, EARLIER, EARLIEST)
    items = tuple(
        fulcio(f"fulcio{number}", start, operator)
        for number, (start, operator) in enumerate(zip(starts, operators, strict=True))
    )
    merged = Neighbours(ca_urls=items[::-1] if is_reversed else items)
    found = combine(Neighbours(), [("file", merged)], {ID}, NOW_NS)
    assert "https://fulcio0.example" == config_of(found).get_fulcio().url


def test_no_url_stands_twice_and_the_valid_one_stays() -> None:
    now = fulcio("fulcio", EARLIER)
    over = {**now, "validFor": {"start": EARLIEST, "end": EARLIER}}
    planned = {**now, "validFor": {"start": "2027-01-01T00:00:00Z"}}
    merged = Neighbours(ca_urls=(over, now, planned))
    found = combine(Neighbours(), [("file", merged)], {ID}, NOW_NS)
    assert (now,) == found.ca_urls


def test_our_own_log_is_passed_over() -> None:
    earlier = {**LOG.trusted()[0], "baseUrl": "https://earlier.example"}
    found = combine(Neighbours(), [("file", Neighbours(logs=(earlier,)))], {ID}, NOW_NS)
    assert () == found.logs


def test_other_logs_of_one_id_are_refused_by_name() -> None:
    (first,) = LOG.trusted()
    merged = Neighbours(logs=(first, {**first, "baseUrl": "https://two.example"}))
    rule = r"^file: two Rekor logs .*https://two\.example: leave out --keep-logs"
    with pytest.raises(FormatError, match=rule):
        combine(Neighbours(), [("file", merged)], {bytes(32)}, NOW_NS)


def test_of_one_ct_log_the_flag_wins() -> None:
    merged = Neighbours(ctlogs=({**ALL.ctlogs[0], "baseUrl": "https://two.example"},))
    assert ALL.ctlogs == combine(ALL, [("file", merged)], {ID}, NOW_NS).ctlogs


def test_ct_logs_of_one_id_in_files_are_refused_by_name() -> None:
    changed = {**ALL.ctlogs[0], "baseUrl": "https://two.example"}
    files = [("a", Neighbours(ctlogs=ALL.ctlogs)), ("b", Neighbours(ctlogs=(changed,)))]
    rule = r"^b: two CT logs .*https://two\.example: leave out this --merge"
    with pytest.raises(FormatError, match=rule):
        combine(Neighbours(), files, {ID}, NOW_NS)


def test_ct_logs_of_one_key_by_flags_are_refused() -> None:
    pem = CtLog().public_pem
    two = tuple(ct_log(f"https://{name}.example", pem) for name in ("one", "two"))
    with pytest.raises(FormatError, match="leave out one --ctlog"):
        combine(Neighbours(ctlogs=two), [], {ID}, NOW_NS)


TWO = tuple(
    endpoint(f"https://{name}.example", 1, START, name) for name in ("one", "two")
)
EXACT: Document = {"selector": "EXACT", "count": 2}


@pytest.mark.parametrize("rule", [EXACT, {"selector": "ALL"}], ids=["exact", "all"])
def test_a_stricter_selection_is_kept(rule: Document) -> None:
    merged = Neighbours(tsa_urls=TWO, tsa_selection=rule)
    any_one = Neighbours(tsa_selection={"selector": "ANY"})
    given = Neighbours(ca_urls=ALL.ca_urls)
    found = combine(given, [("a", merged), ("b", any_one)], {ID}, NOW_NS)
    assert rule == make_documents(LOG, found).signing_config["tsaConfig"]
    assert 2 == len(config_of(found).get_tsas())


@pytest.mark.parametrize(
    "change",
    [
        {"tsa_urls": TWO[:1]},
        {"tsa_urls": (TWO[0], {**TWO[1], "operator": "one"})},
        {"tsa_urls": (TWO[0], {**TWO[1], "majorApiVersion": 2})},
    ],
    ids=["one", "one-operator", "one-that-is-asked"],
)
def test_a_selection_that_clients_could_not_keep_is_refused(
    change: dict[str, Any],
) -> None:
    merged = Neighbours(tsa_urls=TWO, tsa_selection=EXACT)
    combine(Neighbours(), [("file", merged)], {ID}, NOW_NS)
    changed = dataclasses.replace(merged, **change)
    with pytest.raises(FormatError, match=r"file: tsaConfig wants .* 2 operators"):
        combine(Neighbours(), [("file", changed)], {ID}, NOW_NS)


def test_two_stricter_selections_are_refused() -> None:
    files = [
        ("a", Neighbours(tsa_urls=TWO, tsa_selection=EXACT)),
        ("b", Neighbours(tsa_selection={"selector": "ALL"})),
    ]
    with pytest.raises(FormatError, match="b: another file has another tsaConfig"):
        combine(Neighbours(), files, {ID}, NOW_NS)
