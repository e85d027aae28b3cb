"""Key URIs: one spelling each, and no secret in them or in what is said of them."""

from pathlib import Path

import pytest

from tests.support.cases import in_one_test
from tlog.errors import RejectedError
from tlog.signing.uris import AgentPlace, FilePlace, TokenPlace, parse_place
from tlogverify.errors import FormatError

MODULE = "module-path=/usr/lib/m.so"
TOKEN = f"pkcs11:token=tlog;object=logkey?{MODULE}"
FINGERPRINT = "SHA256:" + "a" * 43


def test_each_form_names_its_place() -> None:
    cases = {
        "keys/log.key": FilePlace(Path("keys/log.key")),
        "file:keys/log.key": FilePlace(Path("keys/log.key")),
        "file:///etc/a%20b": FilePlace(Path("/etc/a b")),
        "C:key": FilePlace(Path("C:key")),
        f"ssh-agent:{FINGERPRINT}": AgentPlace(FINGERPRINT),
        TOKEN: TokenPlace("/usr/lib/m.so", "tlog", "logkey"),
        f"pkcs11:object=a%3Bb;token=my%20token;id=%01%ff;serial=7?{MODULE}"
        "&pin-source=file:/run/pin": TokenPlace(
            "/usr/lib/m.so",
            "my token",
            "a;b",
            serial="7",
            id=b"\x01\xff",
            pin_source="file:/run/pin",
        ),
        f"{TOKEN}&pin-source=credential:tlog-pin": TokenPlace(
            "/usr/lib/m.so", "tlog", "logkey", pin_source="credential:tlog-pin"
        ),
    }
    for text, place in cases.items():
        assert place == parse_place(text), text


@in_one_test(
    ("text", "told"),
    [
        ("", "has 1 to 4096 characters"),
        ("file:", "file:PATH"),
        ("file://host/key", "file:PATH"),
        ("ssh-agent:MD5:00", "as ssh-add -l shows it"),
        (f"ssh-agent:{FINGERPRINT}=", "as ssh-add -l shows it"),
        (f"pkcs11:object=logkey?{MODULE}", "names the token: token=NAME"),
        (f"pkcs11:token=tlog?{MODULE}", "names the object: object=NAME"),
        ("pkcs11:token=tlog;object=logkey", "names the library: [?]module-path="),
        (f"pkcs11:token=tlog;object=a;object=b?{MODULE}", "an attribute twice"),
        (f"pkcs11:token=tlog;object=a;slot-id=0?{MODULE}", "has id, manufacturer"),
        (f"pkcs11:token=tlog;object=a b?{MODULE}", "not percent-encoded"),
        (f"{TOKEN}&pin-source=|cat", "not percent-encoded"),
        (f"{TOKEN}&pin-source=/run/pin", "write pin-source=file:PATH"),
    ],
)
def test_what_breaks_a_rule_is_told_by_it(text: str, told: str) -> None:
    with pytest.raises(FormatError, match=told):
        parse_place(text)


def test_a_pin_in_a_uri_is_refused_and_not_shown() -> None:
    for text in (f"{TOKEN}&pin-value=4711", f"pkcs11:token=t;pin-value=4711?{MODULE}"):
        with pytest.raises(FormatError, match="write pin-source=file:") as refused:
            parse_place(text)
        assert "4711" not in str(refused.value)


def test_a_pin_is_read_from_its_source_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pin"
    file.touch(0o600)
    file.write_bytes(b"4711\n")
    place = parse_place(f"{TOKEN}&pin-source=file:{file}")
    assert isinstance(place, TokenPlace)
    assert "4711" == place.read_pin()
    credential = parse_place(f"{TOKEN}&pin-source=credential:pin")
    assert isinstance(credential, TokenPlace)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(FormatError, match="LoadCredential="):
        credential.read_pin()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "4711" == credential.read_pin()
    for content, told in ((b"", "holds no PIN"), (b"\xff4711", "is not UTF-8")):
        file.write_bytes(content)
        with pytest.raises(FormatError, match=told) as refused:
            place.read_pin()
        assert "4711" not in str(refused.value)
    file.chmod(0o640)
    with pytest.raises(RejectedError, match="must have mode 0600"):
        place.read_pin()
    none = parse_place(TOKEN)
    assert isinstance(none, TokenPlace)
    assert none.read_pin() is None
