"""The source files of the project, parsed once for all rules."""

import ast
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Source:
    """One module: its dotted name, its text and its syntax tree."""

    def __init__(self, path: Path, module: str) -> None:
        self.path = path
        self.module = module

    @cached_property
    def text(self) -> str:
        """The text of the file."""
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; to parse all files takes a second."""
        return ast.parse(self.text)

    @property
    def wing(self) -> str:
        """The part of the house that it belongs to: a role, a part of the ground."""
        first, *rest = self.module.split(".")
        return rest[0] if first == "tlog" and rest else first

    @property
    def room(self) -> str:
        """The room of the log's wing that it belongs to; empty in another wing."""
        parts = self.module.split(".")
        return parts[2] if parts[:2] == ["tlog", "log"] and parts[2:] else ""

    @property
    def is_package(self) -> bool:
        """Whether this is a package's `__init__`."""
        return self.path.name == "__init__.py"

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the syntax tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> set[str]:
        """The project's modules that it imports, wherever the statement stands."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
        return found & _paths().keys()

    @cached_property
    def foreign(self) -> set[str]:
        """The first names of all that it imports."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
        return found


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


@cache
def sources() -> dict[str, Source]:
    """Return all modules of the three packages, by their dotted name."""
    return {name: Source(path, name) for name, path in _paths().items()}


def below(name: str) -> list[Source]:
    """Return the modules at and below a dotted name; there is at least one."""
    found = [
        source
        for module, source in sources().items()
        if module == name or module.startswith(f"{name}.")
    ]
    assert found, name
    return found
