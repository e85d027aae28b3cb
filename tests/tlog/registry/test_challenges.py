"""Headers of registries: 401, the next page, and where one may be led."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import case
from tlog.registry.challenges import (
    next_page,
    parse_challenges,
    require_target,
)
from tlogverify.errors import FormatError

PAGE = "https://images.example/v2/app/referrers/sha256:00"


def challenges(field: str) -> list[tuple[str, dict[str, str]]]:
    return [(it.scheme, dict(it.parameters)) for it in parse_challenges(field)]


def test_challenges_are_read_as_they_are_written() -> None:
    good: dict[str, list[tuple[str, dict[str, str]]]] = {
        "": [],
        "Basic": [("basic", {})],
        'Basic realm="a, b"': [("basic", {"realm": "a, b"})],
        'Bearer realm="https://a/t",service="s",scope="r:n:pull,push"': [
            (
                "bearer",
                {"realm": "https://a/t", "service": "s", "scope": "r:n:pull,push"},
            )
        ],
        'BEARER Realm = "x" , Service=y': [("bearer", {"realm": "x", "service": "y"})],
        r'Basic realm="a \"quoted\" one"': [("basic", {"realm": 'a "quoted" one'})],
        'Negotiate, Basic realm="x", Bearer realm="y"': [
            *(("negotiate", {}), ("basic", {"realm": "x"}), ("bearer", {"realm": "y"})),
        ],
    }
    for field, expected in good.items():
        with case(field):
            assert expected == challenges(field)
    for field in ('realm="x"', 'Basic realm="x', "Basic é", "Basic " + "a" * 9000):
        with case(field), pytest.raises(FormatError):
            parse_challenges(field)


@given(st.text(max_size=60))
def test_whatever_the_header_only_one_error_comes_out(field: str) -> None:
    try:
        parse_challenges(field)
        next_page(PAGE, field)
        require_target(PAGE, field)
    except FormatError:
        pass


def test_the_next_page_is_found_at_the_same_place_alone() -> None:
    good = {
        "": None,
        f'<{PAGE}?n=2>; rel="next"': f"{PAGE}?n=2",
        "</v2/app/referrers/sha256:00?n=2>; rel=next": f"{PAGE}?n=2",
        "<?n=2>;rel=next": f"{PAGE}?n=2",
        f'<{PAGE}>; rel="prev", <{PAGE}?n=2>; title="a,b"; rel="next"': f"{PAGE}?n=2",
        f'<{PAGE}?n=2>; rel="nextish"': None,
        f"{PAGE}?n=2; rel=next": None,
    }
    for field, expected in good.items():
        with case(field):
            assert expected == next_page(PAGE, field)
    for place in (
        *("http://images.example/v2/app/referrers/sha256:00?n=2", "//evil.example/x"),
        *("https://images.example:444/v2/app/referrers/sha256:00", "/v2/other", "x"),
        *("https://evil.example/v2/app/referrers/sha256:00?n=2", "file:///etc/passwd"),
    ):
        with case(place), pytest.raises(FormatError):
            next_page(PAGE, f"<{place}>; rel=next")
    with pytest.raises(FormatError):
        next_page(PAGE, "<?n=é>; rel=next")


def test_nobody_is_led_to_plain_http_or_to_this_machine() -> None:
    there, here = "https://images.example", "http://127.0.0.1:5000"
    plain = "http://images.example:5000"
    good = [
        *((there, "https://blobs.example/x?s=1"), (there, f"{there}/x")),
        *(
            (here, f"{here}/x"),
            (here, "http://127.0.0.1:6000/x"),
            (plain, f"{plain}/x"),
        ),
        *((here, "https://blobs.example/x"), (here, "http://[::1]:1/x")),
        *((plain, "https://blobs.example/x"),),
    ]
    bad = [
        *((there, "http://blobs.example/x"), (there, "http://images.example/x")),
        *((there, "https://127.0.0.1/x"), (there, "http://localhost/x")),
        *((there, "file:///etc/passwd"), (there, ""), (there, "https://")),
        *((there, "https://u:p@blobs.example/x"), (there, "https://[/x")),
        *((here, "http://blobs.example/x"), (plain, "http://images.example:5001/x")),
        *((here, f"{here}/x y"), (here, f"{here}/x\n"), (here, f"{here}/é")),
        *((here, "https://a..b/x"), (here, f"https://{'a' * 64}/x")),
        *((plain, "http://127.0.0.1/x"), (there, "https://a:99999/"), (there, "/x#y")),
    ]
    for origin, url in good:
        with case(url):
            assert url == require_target(origin, url)
    for origin, url in bad:
        with case(f"{origin} {url}"), pytest.raises(FormatError):
            require_target(origin, url)
