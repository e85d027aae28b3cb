"""The page for people: what it shows is what is counted, and it asks nobody."""

import re
from html.parser import HTMLParser
from typing import Any

from tests.support.cases import case
from tlog.http.status import (
    POLICY,
    Bar,
    Picture,
    bars_of,
    histogram_of,
    status_response,
)
from tlog.metrics import Metrics


class Read(HTMLParser):
    """What a page's tags are, and the text in them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(  # type: ignore[explicit-override]  # typing: from 3.12
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(  # type: ignore[explicit-override]  # typing: from 3.12
        self, data: str
    ) -> None:
        self.text += data

    def drawn(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.tags if name == tag]


class Counted(Metrics):
    """Two metrics to draw."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions = self._counter("tlog_x", "x", ("outcome", "reason"))
        self.seconds = self._histogram("tlog_y", "y", buckets=(0.1, 1))


def read(*pictures: Picture, **facts: str) -> Read:
    body = status_response("A & B", facts, pictures).body
    assert isinstance(body, bytes)
    return Read(body)


def test_bars_are_as_long_as_what_they_count_and_say_it_in_words() -> None:
    found = read(Picture("Two", [Bar("one", 50), Bar("<other>", 100, is_bad=True)]))
    one, other = (float(it["width"]) for it in found.drawn("rect"))
    assert 2 * one == other
    assert [None, "bad"] == [it.get("class") for it in found.drawn("rect")]
    (drawing,) = found.drawn("svg")
    assert "Two. one: 50; <other>: 100" == drawing["aria-label"]
    for text in ("one", "50", "<other>", "100"):
        assert text in found.text
    assert "Nothing yet" in read(Picture("None", [])).text


def test_what_somebody_else_named_is_text_and_no_markup() -> None:
    hostile = "<script>alert(1)</script>\"'&"
    found = read(Picture(hostile, [Bar(hostile, 1, hostile)], hostile), fact=hostile)
    assert hostile in found.text
    assert [] == found.drawn("script")


def test_the_page_needs_no_script_and_asks_nobody() -> None:
    response = status_response("A", {}, [Picture("B", [Bar("c", 1)])])
    assert POLICY == response.headers["Content-Security-Policy"]
    assert "script-src" not in POLICY
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    found = read(Picture("B", [Bar("c", 1)]))
    for tag, attributes in found.tags:
        with case(tag):
            assert tag not in {"script", "link", "img", "iframe", "object", "use"}
            assert not {"href", "src", "style", "xlink:href"} & attributes.keys()
            assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"https?://|url\(", found.text)


def test_samples_are_added_by_the_labels_that_are_drawn() -> None:
    metrics = Counted()
    for outcome, reason, count in (("a", "x", 1), ("a", "y", 2), ("b", "x", 4)):
        metrics.decisions.labels(outcome, reason).inc(count)
    drawn = bars_of(metrics, "tlog_x_total", "outcome", bad=["b"])
    assert [("a", 3.0, False), ("b", 4.0, True)] == [
        (it.label, it.value, it.is_bad) for it in drawn
    ]
    for seconds in (0.01, 0.5, 0.6, 7):
        metrics.seconds.observe(seconds)
    assert [("up to 100 ms", 1.0), ("up to 1000 ms", 2.0), ("longer", 1.0)] == [
        (it.label, it.value) for it in histogram_of(metrics, "tlog_y")
    ]
