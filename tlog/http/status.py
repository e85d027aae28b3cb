"""One page for people without dashboards: facts, and pictures of them.  No script.

A picture is bars, drawn as inline SVG; what it says stands beside each bar as text too.
The page is whole in one answer: it asks nobody for anything, and its policy lets it.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from tlog import __version__
from tlog.http.problems import NEVER
from tlog.metrics import Metrics

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;"
    "padding:0 1rem;color:#1c2024;background:#fff}h1{font-size:1.4rem}"
    "h2{font-size:1rem;margin:1.6rem 0 .3rem}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}"
    "dd{margin:0;overflow-wrap:anywhere}svg{width:100%;height:auto}"
    "text{font:13px system-ui,sans-serif;fill:currentColor}rect{fill:#3b6ea5}"
    "rect.bad{fill:#b3261e}p{color:#555;margin:.2rem 0}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}"
    "p{color:#aaa}rect{fill:#7fb2e5}rect.bad{fill:#ff8a80}}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_ROW: Final = 22
_LABEL: Final = 210
_WIDTH: Final = 700
_MAX_BARS: Final = 40


class Bar(NamedTuple):
    """One bar; shown: its value for people, else the number itself."""

    label: str
    value: float
    shown: str = ""
    is_bad: bool = False


class Picture(NamedTuple):
    """Bars that are compared with each other; note: what they are."""

    title: str
    bars: Sequence[Bar]
    note: str = ""


def status_response(
    title: str, facts: Mapping[str, str], pictures: Sequence[Picture]
) -> web.Response:
    """Return the page."""
    headers = {
        hdrs.CACHE_CONTROL: NEVER,
        hdrs.CONTENT_TYPE: "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=_page(title, facts, pictures), headers=headers)


def bars_of(
    metrics: Metrics, name: str, *labels: str, bad: Sequence[str] = ()
) -> list[Bar]:
    """Return a bar for each sample of a metric, called by some of its labels.

    Samples that the labels do not tell apart are added.  bad: values of labels that are
    drawn as trouble.
    """
    sums: dict[tuple[str, ...], float] = {}
    for given, value in metrics.samples(name):
        key = tuple(given.get(it, "") for it in labels)
        sums[key] = sums.get(key, 0) + value
    return [
        Bar(" ".join(key) or name, value, _number(value), bool({*key} & {*bad}))
        for key, value in sorted(sums.items())
    ]


def histogram_of(metrics: Metrics, name: str) -> list[Bar]:
    """Return a bar for each bucket of a histogram in seconds, of all its labels."""
    sums: dict[float, float] = {}
    for given, value in metrics.samples(f"{name}_bucket"):
        edge = float(given["le"])
        sums[edge] = sums.get(edge, 0) + value
    bars, below = [], 0.0
    for edge, value in sorted(sums.items()):
        label = "longer" if edge == float("inf") else f"up to {edge * 1000:g} ms"
        bars.append(Bar(label, value - below, _number(value - below)))
        below = value
    return bars


def _page(title: str, facts: Mapping[str, str], pictures: Sequence[Picture]) -> bytes:
    told = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in facts.items()
    )
    drawn = "".join(map(_section, pictures))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"<dl>{told}</dl>{drawn}<p>tlog {escape(__version__)}; counted since the start "
        "of this process. Load the page again for newer figures.</p></main></body>"
        "</html>\n"
    ).encode()


def _section(picture: Picture) -> str:
    note = f"<p>{escape(picture.note)}</p>" if picture.note else ""
    drawn = _svg(picture) if picture.bars else "<p>Nothing yet.</p>"
    return f"<section><h2>{escape(picture.title)}</h2>{note}{drawn}</section>"


def _svg(picture: Picture) -> str:
    bars = picture.bars[:_MAX_BARS]
    largest = max((it.value for it in bars), default=0) or 1
    rows = "".join(_row(it, largest, at) for at, it in enumerate(bars))
    told = "; ".join(f"{it.label}: {_shown(it)}" for it in bars)
    return (
        f'<svg role="img" aria-label="{escape(f"{picture.title}. {told}")}" '
        f'viewBox="0 0 {_WIDTH} {_ROW * len(bars)}">{rows}</svg>'
    )


def _row(bar: Bar, largest: float, at: int) -> str:
    room = _WIDTH - _LABEL - 130
    width, top = max(bar.value / largest, 0) * room, at * _ROW + 4
    middle, kind = top + 11, ' class="bad"' if bar.is_bad and bar.value else ""
    return (
        f'<text x="0" y="{middle}">{escape(bar.label[:32])}</text>'
        f'<rect x="{_LABEL}" y="{top}" width="{width:.1f}" height="14"{kind}/>'
        f'<text x="{_LABEL + width + 6:.1f}" y="{middle}">{escape(_shown(bar))}</text>'
    )


def _shown(bar: Bar) -> str:
    return bar.shown or _number(bar.value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3f}"
