"""References have one spelling, and say by themselves whether TLS is spoken."""

import pytest

from tests.support.cases import case
from tlog.registry.references import parse_reference
from tlogverify.errors import FormatError

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"

GOOD = {
    "oci://images.example/app:1.0": ("images.example", "app", "1.0", None),
    "oci://images.example:5000/a/b-c/d_e:V1": (
        *("images.example:5000", "a/b-c/d_e", "V1", None),
    ),
    f"oci://images.example/app@{DIGEST}": ("images.example", "app", "", DIGEST),
    f"oci://images.example/app:1.0@{DIGEST}": ("images.example", "app", "1.0", DIGEST),
    "oci://[::1]:5000/app:1": ("[::1]:5000", "app", "1", None),
    "oci://127.0.0.1:65535/a__b.c:_x": ("127.0.0.1:65535", "a__b.c", "_x", None),
    f"oci://h/{'a' * 255}:{'t' * 128}": ("h", "a" * 255, "t" * 128, None),
}
BAD = [
    *("", "images.example/app:1", "oci:images.example/app:1", "OCI://h/app:1"),
    *("oci://images.example", "oci://images.example/", "oci:///app:1", "oci://h/app"),
    *("oci://h/app:", "oci://h/app@", f"oci://h/app@sha256:{HEX[:-1]}"),
    *(f"oci://h/app@sha512:{HEX}{HEX}", f"oci://h/app@{DIGEST.upper()}"),
    *(f"oci://h/app@{DIGEST}@{DIGEST}", f"oci://h/app@{DIGEST}:1"),
    *("oci://Images.example/app:1", "oci://h_h/app:1", "oci://-h/app:1"),
    *("oci://h:0/app:1", "oci://h:080/app:1", "oci://h:65536/app:1", "oci://h:/app:1"),
    *("oci://u@h/app:1", "oci://u:p@h/app:1", "oci://h/App:1", "oci://h//app:1"),
    *("oci://h/app/:1", "oci://h/../app:1", "oci://h/a..b:1", "oci://h/-a:1"),
    *("oci://h/a___b:1", "oci://h/app:.1", "oci://h/app:1 ", "oci://h/app:1\n"),
    *("oci://h/app:1?x=1", "oci://h/app:1#x", "oci://h/a%2fb:1", "oci://h/app:١"),
    *("oci://[::1/app:1", "oci://[0:0:0:0:0:0:0:1]/app:1", "oci://[1.2.3.4]/app:1"),
    *(f"oci://h/{'a' * 256}:1", f"oci://h/app:{'t' * 129}", "oci://[::::]/app:1"),
]


def test_a_reference_is_read_and_spelled_again() -> None:
    for text, (authority, name, tag, digest) in GOOD.items():
        with case(text):
            found = parse_reference(text)
            assert (authority, name) == (found.authority, found.name)
            assert (tag, digest) == (found.tag, found.digest)
            # A digest says all that a tag beside it could.
            is_double = tag and digest
            assert text.replace(":1.0@", "@") if is_double else text == found.text


def test_all_other_spellings_are_refused() -> None:
    for text in BAD:
        with case(text), pytest.raises(FormatError):
            parse_reference(text)


def test_tls_is_spoken_to_other_machines() -> None:
    origins = {
        "oci://images.example/app:1": "https://images.example",
        "oci://127.0.0.1:5000/app:1": "http://127.0.0.1:5000",
        "oci://127.9.9.9/app:1": "http://127.9.9.9",
        "oci://[::1]:5000/app:1": "http://[::1]:5000",
        "oci://localhost/app:1": "http://localhost",
        "oci://a.localhost:5000/app:1": "http://a.localhost:5000",
        "oci://localhost.example/app:1": "https://localhost.example",
        "oci://127.0.0.1.example/app:1": "https://127.0.0.1.example",
        "oci://10.0.0.1:5000/app:1": "https://10.0.0.1:5000",
    }
    for text, origin in origins.items():
        with case(text):
            assert origin == parse_reference(text).origin(plain_http=False)
            plain = f"http://{parse_reference(text).authority}"
            assert plain == parse_reference(text).origin(plain_http=True)


def test_a_password_in_a_reference_is_refused_and_not_shown() -> None:
    for text in ("oci://u:a-secret@h/x:1", "https://u:a-secret@h/x:1"):
        with pytest.raises(FormatError, match="names no user") as refused:
            parse_reference(text)
        assert "a-secret" not in str(refused.value)
