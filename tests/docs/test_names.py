"""Whatever a document points at is there."""

import importlib
import re
from collections.abc import Callable
from pathlib import Path

from tests.docs.documents import ROOT, anchors, documents, prose, read

LINK = re.compile(r"\]\(([^)\s]+)\)")
DOTTED = re.compile(r"`((?:tlog|tlogverify|tlogclient)(?:\.\w+)+)`")
PATH = re.compile(r"`((?:tlog|client|tests|docs|benchmarks)/[\w./-]*)`")
PLACEHOLDER = "NNNN"
DEVELOPERS_PATH = re.compile(r"/(?:home|root|Users|work|tmp)/")
# In pieces, so that this file passes its own test.
REGISTRY = re.compile(
    r"py(?:pi\.org|thonhosted)|registry\.|npm(?:js)|crates(?:\.io)|golang\.org"
)
EMPTY_WORDS = re.compile(r"(?i)\b(?:simply|would be|seamless\w*|blazing\w*)\b")


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def found_in_each(look: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """Return what `look` finds, by the document where it finds anything."""
    found = {it.relative_to(ROOT).as_posix(): look(it) for it in documents()}
    return {name: lines for name, lines in found.items() if lines}


def broken_links(document: Path) -> list[str]:
    """Return the relative links that lead nowhere."""
    broken: list[str] = []
    for link in LINK.findall(prose(document)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        is_wrong = anchor and anchor not in anchors(target) if target.exists() else True
        if is_wrong:
            broken.append(link)
    return broken


def missing_names(document: Path) -> list[str]:
    """Return the modules, functions and files that are named and are not there."""
    text = prose(document)
    wrong = [name for name in DOTTED.findall(text) if not is_there(name)]
    return wrong + [
        path
        for path in PATH.findall(text)
        if PLACEHOLDER not in path and not (ROOT / path).exists()
    ]


def test_every_relative_link_leads_somewhere() -> None:
    assert {} == found_in_each(broken_links)


def test_every_named_module_function_and_file_exists() -> None:
    assert {} == found_in_each(missing_names)


def test_no_document_holds_a_developers_path_or_a_registrys_host() -> None:
    assert {} == found_in_each(lambda it: DEVELOPERS_PATH.findall(read(it)))
    assert {} == found_in_each(lambda it: REGISTRY.findall(read(it)))


def test_no_document_has_words_that_say_nothing() -> None:
    assert {} == found_in_each(lambda it: EMPTY_WORDS.findall(read(it)))
