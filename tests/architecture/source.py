"""The source files of the project, parsed once for all rules."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One module: its dotted name, its text and its syntax tree."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The part of the house that it belongs to."""
        first, *rest = self.module.split(".")
        return rest[0] if first == "tlog" and rest else first

    @property
    def imports(self) -> set[str]:
        """The project's modules that it imports, wherever the statement stands."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found & set(modules())


@cache
def _paths() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for base, package in (
        (ROOT, "tlog"),
        (ROOT / "client", "tlogverify"),
        (ROOT / "client", "tlogclient"),
    ):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            found[name] = path
    return found


def modules() -> list[str]:
    """Return the dotted names of all modules of the three packages."""
    return list(_paths())


@cache
def sources() -> list[Source]:
    """Return all modules of the three packages."""
    return [
        Source(path, name, text := path.read_text("utf-8"), ast.parse(text))
        for name, path in _paths().items()
    ]
