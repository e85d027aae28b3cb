"""Image references: what is taken, what is refused, and which registry is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import case
from tlog.gate.images import parse_image
from tlog.gate.lines import ascii_line
from tlog.registry import parse_reference
from tlogverify.errors import FormatError

HEX = "ab" * 32
AT = f"@sha256:{HEX}"
DOCKER = "oci://registry-1.docker.io"


def test_the_registry_that_is_meant_is_named() -> None:
    table = {
        f"app{AT}": f"{DOCKER}/library/app{AT}",
        f"team/app{AT}": f"{DOCKER}/team/app{AT}",
        f"docker.io/app:1{AT}": f"{DOCKER}/library/app{AT}",
        f"index.docker.io/team/app{AT}": f"{DOCKER}/team/app{AT}",
        "app": f"{DOCKER}/library/app:latest",
        "app:1.2": f"{DOCKER}/library/app:1.2",
        f"images.example/a/b/c:x{AT}": f"oci://images.example/a/b/c{AT}",
        f"IMAGES.example/app{AT}": f"oci://images.example/app{AT}",
        f"localhost/app{AT}": f"oci://localhost/app{AT}",
        f"host:5000/app{AT}": f"oci://host:5000/app{AT}",
        f"[::1]:5000/app{AT}": f"oci://[::1]:5000/app{AT}",
        f"host/app{AT}": f"{DOCKER}/host/app{AT}",
    }
    for text, expected in table.items():
        with case(text):
            image = parse_image(text)
            assert expected == image.reference
            assert text == image.text
            assert expected == parse_reference(image.reference).text
            wanted = bytes.fromhex(HEX) if AT in text else None
            assert wanted == image.sha256


def test_what_has_no_one_meaning_is_refused() -> None:
    table = [
        "",
        ":",
        "@",
        AT,
        f"App{AT}",
        f"app{AT[:-1]}",
        f"app{AT}0",
        f"app{AT.upper()}",
        f"app@sha512:{'ab' * 64}",
        f"app@md5:{'ab' * 16}",
        f"app{AT}{AT}",
        f"app:{AT}",
        f"app :1{AT}",
        f"app{AT}\n",
        f"a//b{AT}",
        f"/app{AT}",
        f"app/{AT}",
        f"a__-b{AT}",
        f"http://a/app{AT}",
        "a" * 513,
        f"app:{'t' * 129}",
    ]
    for text in table:
        with case(repr(text)), pytest.raises(FormatError):
            parse_image(text)


@given(st.text(max_size=200))
def test_any_text_is_an_image_or_one_error(text: str) -> None:
    try:
        image = parse_image(text)
    except FormatError:
        return
    assert image.text == text
    assert image.reference.startswith("oci://")


@given(st.text(max_size=300), st.integers(min_value=3, max_value=200))
def test_any_text_becomes_one_printable_line(text: str, most: int) -> None:
    line = ascii_line(text, most)
    assert len(line) <= most
    assert line.isascii()
    assert not line or line.isprintable()
