"""A small SVG: one panel for each line, from zero up, or all lines on two log axes."""

from collections.abc import Sequence
from itertools import cycle
from math import floor, log10
from pathlib import Path
from typing import Final, NamedTuple

_WIDTH: Final = 720
_PANEL: Final = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 24, 34, 40
_LOG_PANEL: Final = 400
_LABELS: Final = 80
_LABEL: Final = 15
_STYLES: Final = (
    ("#1f5fa8", "none"),
    ("#c4500a", "10 4"),
    ("#1b7f4c", "3 3"),
    ("#7b3294", "10 4 3 4"),
    ("#555", "1 4"),
)
"""A colour and a dash for each line: either tells them apart."""


class Line(NamedTuple):
    """What one line shows: (x, y) points from left to right."""

    title: str
    points: Sequence[tuple[float, float]]


def write_plot(path: Path, x_title: str, lines: Sequence[Line]) -> None:
    """Write the panels to `path`; all share their x axis."""
    parts: list[str] = []
    for nth, line in enumerate(lines):
        parts += _panel(line, nth * _PANEL)
    _write(path, _PANEL * len(lines) + _BOTTOM, x_title, parts)


def write_log_plot(
    path: Path, x_title: str, y_title: str, lines: Sequence[Line]
) -> None:
    """Write all lines into one panel, each named at its end.

    Both axes are logarithmic; x goes from 1 to 16**5.
    """
    x_ticks = [16.0**power for power in range(6)]
    points = [point for line in lines for point in line.points]
    y_ticks = _log_ticks(min(y for _, y in points), max(y for _, y in points))
    x_end, y_zero = _WIDTH - _LABELS, _LOG_PANEL

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + _share(x, x_ticks) * (x_end - _LEFT),
            y_zero - _share(y, y_ticks) * (y_zero - _TOP),
        )

    parts = [_text(_LEFT, 20, y_title, "start")]
    for value in y_ticks:
        x, y = at(1, value)
        parts.append(f'<path d="M{x:.1f} {y:.1f}H{x_end}" stroke="#ddd" fill="none"/>')
        parts.append(_text(x - 8, y + 4, f"{value:g}", "end"))
    for value in x_ticks:
        x, y = at(value, y_ticks[0])
        parts.append(f'<path d="M{x:.1f} {y:.1f}V{_TOP}" stroke="#ddd" fill="none"/>')
        parts.append(_text(x, y + 16, f"{value:,.0f}", "middle"))
    label_y = 0.0
    styled = zip(lines, cycle(_STYLES), strict=False)
    for line, (colour, dash) in sorted(styled, key=lambda it: -it[0].points[-1][1]):
        dots = [at(x, y) for x, y in line.points]
        x, y = dots[-1]
        # Downwards, and never one label over another.
        label_y = max(y + 4, label_y + _LABEL)
        parts += _curve(dots, colour, dash)
        parts.append(_text(x + 8, label_y, line.title, "start", colour))
    _write(path, _LOG_PANEL + _BOTTOM, x_title, parts)


def _write(path: Path, height: int, x_title: str, parts: Sequence[str]) -> None:
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    tail = [_text(_WIDTH / 2, height - 8, x_title, "middle"), "</svg>", ""]
    path.write_text("\n".join([*head, *parts, *tail]), "utf-8")


def _panel(line: Line, top: int) -> list[str]:
    y_end, y_zero = top + _TOP, top + _PANEL - 28
    x_max = max(x for x, _ in line.points)
    y_max = _ceiling(max(y for _, y in line.points))

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / x_max * (_WIDTH - _LEFT - _RIGHT),
            y_zero - y / y_max * (y_zero - y_end),
        )

    parts = [_text(_LEFT, top + 20, line.title, "start")]
    for tick in range(5):
        value = y_max * tick / 4
        x, y = at(0, value)
        parts.append(
            f'<path d="M{x:.1f} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd" fill="none"/>'
        )
        parts.append(_text(x - 8, y + 4, f"{value:,.0f}", "end"))
    dots = [at(x, y) for x, y in line.points]
    parts += _curve(dots, *_STYLES[0])
    parts += [
        _text(x, y_zero + 16, f"{value:g}", "middle")
        for (x, _), (value, _) in zip(dots, line.points, strict=True)
    ]
    return parts


def _curve(dots: Sequence[tuple[float, float]], colour: str, dash: str) -> list[str]:
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    return [
        f'<polyline points="{way}" stroke="{colour}" stroke-dasharray="{dash}" '
        'stroke-width="1.5" fill="none"/>',
        *(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            for x, y in dots
        ),
    ]


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{text}</text>"
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10, ... from the last below `low` to the first above `high`."""
    powers = range(floor(log10(low)), floor(log10(high)) + 2)
    ticks = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    first = max(nth for nth, tick in enumerate(ticks) if tick <= low)
    last = min(nth for nth, tick in enumerate(ticks) if tick >= high)
    return ticks[first : last + 1]


def _share(value: float, ticks: Sequence[float]) -> float:
    """Return how far along a logarithmic axis `value` lies: 0 to 1."""
    return log10(value / ticks[0]) / log10(ticks[-1] / ticks[0])


def _ceiling(value: float) -> float:
    """Return the next number above `value` that four ticks divide well."""
    step = float(f"1e{len(str(int(value))) - 1}")
    return next(it * step for it in (1, 2, 4, 6, 8, 10) if it * step >= value)
