"""Whatever a document points at is there."""

import importlib
import re
from pathlib import Path

import pytest

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

each_document = pytest.mark.parametrize(
    "document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix()
)


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


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken: list[str] = []
    for link in LINK.findall(prose(document)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        is_wrong = anchor and anchor not in anchors(target) if target.exists() else True
        if is_wrong:
            broken.append(link)
    assert [] == broken


@each_document
def test_every_named_module_function_and_file_exists(document: Path) -> None:
    text = prose(document)
    wrong = [name for name in DOTTED.findall(text) if not is_there(name)]
    wrong += [
        path
        for path in PATH.findall(text)
        if PLACEHOLDER not in path and not (ROOT / path).exists()
    ]
    assert [] == wrong


@each_document
def test_no_document_holds_a_developers_path_or_a_registrys_host(
    document: Path,
) -> None:
    text = read(document)
    assert [] == DEVELOPERS_PATH.findall(text) + REGISTRY.findall(text)


@each_document
def test_no_document_has_words_that_say_nothing(document: Path) -> None:
    assert [] == EMPTY_WORDS.findall(read(document))
