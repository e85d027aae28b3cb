"""A log as Sigstore's clients know it: its id, its key, and the rule of its name."""

import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.support.cases import in_one_test
from tlog.sigstore.instance import (
    LogInstance,
    LogKeys,
    choose_log_keys,
    ed25519_spki,
    require_url,
)
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key
from tlogverify.policy import PolicyLog

# Public logs of Sigstore: name, SPKI, log id.
VECTORS = {
    "production": (
        "log2025-1.rekor.sigstore.dev",
        "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=",
        "zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=",
    ),
    "staging": (
        "log2025-alpha3.rekor.sigstage.dev",
        "MCowBQYDK2VwAyEAlD3dVc8yaP25mPtT/sJ59D3LLxGBgW/qYrM6x6KmOqk=",
        "09OnDKEw7/hpZiYVPoTRzRbglHk0sylsUovegnRUlJY=",
    ),
}
KEY = VerifierKey("log.example", KeyType.ED25519, bytes(range(32)))
GOOD = LogInstance(
    "https://log.example", LogKeys(KEY), "2026-01-31T12:00:00Z", "operator"
)


@pytest.mark.parametrize(("name", "spki", "log_id"), VECTORS.values(), ids=VECTORS)
def test_public_logs_get_the_key_and_id_that_they_have(
    name: str, spki: str, log_id: str
) -> None:
    public_bytes = load_der_public_key(base64.b64decode(spki)).public_bytes_raw()  # type: ignore[union-attr]  # Ed25519, all of them
    key = VerifierKey(name, KeyType.ED25519, public_bytes)
    log = LogInstance(f"https://{name}", LogKeys(key), GOOD.start, "sigstore")
    (trusted,) = log.trusted()
    assert spki == trusted["publicKey"]["rawBytes"]  # type: ignore[index]  # an object
    assert {"keyId": log_id} == trusted["logId"]


def test_a_log_of_another_implementation_gets_the_id_that_it_has() -> None:
    line = b"rekor-local+d80b4420+AURLycjWRo1+gdwwCLg9wU4PayMFdNBmPF4ORVPiBQ1E"
    key = parse_verifier_key(line)
    log = LogInstance("http://rekor-local:3003/", LogKeys(key), GOOD.start, "local")
    expected = base64.b64decode("2AtEIMfG6Y41yK0tcwRTBS2tjhOrjKGIpDkHFgp65g0=")
    assert expected == log.log_id


def test_the_spki_of_a_key_holds_the_key() -> None:
    key = load_der_public_key(ed25519_spki(KEY.public_bytes))
    assert KEY.public_bytes == key.public_bytes_raw()  # type: ignore[union-attr]  # Ed25519


@pytest.mark.parametrize(
    "url",
    [
        "https://log.example",
        "https://log.example/",
        "http://log.example:8080",
    ],
)
def test_scheme_port_and_a_slash_are_no_part_of_the_name(url: str) -> None:
    log = dataclasses.replace(GOOD, base_url=url)
    assert url == log.trusted()[0]["baseUrl"] == log.endpoint()["url"]


@in_one_test(
    ("change", "rule"),
    [
        ({"base_url": "https://other.example"}, "origin must be other.example"),
        ({"base_url": "https://log.example/log"}, "at the root of its host"),
        ({"base_url": "https://log.example?a"}, "at the root of its host"),
        ({"base_url": "https://log.example#a"}, "at the root of its host"),
        ({"base_url": "log.example"}, "http or https URL"),
        ({"base_url": "https://LOG.example"}, "in lower case"),
        ({"base_url": "ftp://log.example"}, "http or https URL"),
        ({"base_url": "https:///"}, "host name"),
        ({"base_url": "https://log.example:0"}, "host name"),
        ({"base_url": "https://log.example:"}, "a port after its colon"),
        ({"base_url": "https://[::1]"}, "bare host name"),
        ({"base_url": "https://log.example."}, "bare host name"),
        ({"base_url": "https://log%2eexample"}, "bare host name"),
        ({"base_url": "https://log.example:99999"}, "http or https URL"),
        ({"base_url": "https://a:b@log.example"}, "no user or password"),
        ({"base_url": "https://log.example/ "}, "http or https URL"),
        ({"base_url": f"https://{'a' * 2048}"}, "http or https URL"),
        ({"start": "2026-01-31"}, "is like"),
        ({"operator": ""}, "1 to 255 characters"),
        ({"operator": "a" * 256}, "1 to 255 characters"),
        ({"operator": "a\n"}, "printable"),
        (
            {
                "keys": LogKeys(
                    VerifierKey("log.example", KeyType.COSIGNATURE, bytes(32))
                )
            },
            "key is Ed25519",
        ),
        (
            {
                "keys": LogKeys(
                    KEY, (VerifierKey("log.example/path", KeyType.ED25519, bytes(32)),)
                )
            },
            "origin must be log.example",
        ),
    ],
    ids=lambda it: next(iter(it.values())) if isinstance(it, dict) else None,
)
def test_what_clients_could_not_use_is_refused(
    change: dict[str, object], rule: str
) -> None:
    with pytest.raises(FormatError, match=rule):
        dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]  # by design


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(FormatError) as refused:
        require_url("a URL", "https://me:secret@log.example")
    assert "secret" not in str(refused.value)


SECOND = VerifierKey("log.example", KeyType.ED25519, bytes(32))


def logs(*keys: VerifierKey) -> list[PolicyLog]:
    return [PolicyLog(key, None) for key in keys]


def test_the_key_is_the_one_of_the_host() -> None:
    other = VerifierKey("other.example", KeyType.ED25519, bytes(32))
    mldsa = VerifierKey("log.example", KeyType.MLDSA44, bytes(1312))
    found = choose_log_keys(logs(other, mldsa, KEY, KEY), "https://log.example:8080/")
    assert LogKeys(KEY) == found


def test_a_log_whose_key_changes_has_an_item_for_each_key() -> None:
    url = "https://log.example"
    both = choose_log_keys(logs(SECOND, KEY), url)
    assert LogKeys(SECOND, (KEY,)) == both
    known = [*logs(KEY), PolicyLog(SECOND, None, retired=7)]
    after = choose_log_keys(known, url)
    assert LogKeys(KEY, (), (SECOND,)) == after
    end = "2026-02-28T12:00:00Z"
    log = dataclasses.replace(GOOD, keys=after, end=end)
    assert {KEY.key_hash, SECOND.key_hash} == log.log_ids
    told = [(it["logId"], it["publicKey"]["validFor"]) for it in log.trusted()]  # type: ignore[index]  # an object
    ids = [base64.b64encode(it.key_hash).decode() for it in (KEY, SECOND)]
    assert [
        ({"keyId": ids[0]}, {"start": GOOD.start}),
        ({"keyId": ids[1]}, {"start": GOOD.start, "end": end}),
    ] == told
    with pytest.raises(FormatError, match="the end"):
        dataclasses.replace(log, end="")


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        ([], "has an Ed25519 key"),
        (
            logs(VerifierKey("log.example", KeyType.MLDSA44, bytes(1312))),
            "has an Ed25519 key",
        ),
        (
            logs(VerifierKey("log.example:8080", KeyType.ED25519, bytes(32))),
            "must be log.example, .*a new log.*--origin log.example.*log.example:8080",
        ),
        ([PolicyLog(KEY, None, retired=7)], "did not retire"),
    ],
    ids=["none", "another-type", "a-port-in-the-name", "retired"],
)
def test_without_a_key_of_the_host_nothing_is_chosen(
    known: list[PolicyLog], rule: str
) -> None:
    with pytest.raises(FormatError, match=rule):
        choose_log_keys(known, "https://log.example:8080")
