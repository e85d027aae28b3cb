"""A small SVG: one panel for each line, one below the other, from zero up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

_WIDTH: Final = 720
_PANEL: Final = 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 24, 34, 40


class Line(NamedTuple):
    """What one panel shows: (x, y) points from left to right."""

    title: str
    points: Sequence[tuple[float, float]]


def write_plot(path: Path, x_title: str, lines: Sequence[Line]) -> None:
    """Write the panels to `path`; all share their x axis."""
    height = _PANEL * len(lines) + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for nth, line in enumerate(lines):
        parts += _panel(line, nth * _PANEL)
    parts += [_text(_WIDTH / 2, height - 8, x_title, "middle"), "</svg>", ""]
    path.write_text("\n".join(parts), "utf-8")


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
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    parts.append(f'<polyline points="{way}" stroke="#1f5fa8" fill="none"/>')
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f5fa8"/>' for x, y in dots
    ]
    parts += [
        _text(x, y_zero + 16, f"{value:g}", "middle")
        for (x, _), (value, _) in zip(dots, line.points, strict=True)
    ]
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#333">'
        f"{text}</text>"
    )


def _ceiling(value: float) -> float:
    """Return the next number above `value` that four ticks divide well."""
    step = float(f"1e{len(str(int(value))) - 1}")
    return next(it * step for it in (1, 2, 4, 6, 8, 10) if it * step >= value)
