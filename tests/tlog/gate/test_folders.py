"""A folder is listed when it has changed, and never when it has not."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.tlog.gate.workshop import BAD_SHA256, place
from tests.tlog.rules.workshop import Paper, built
from tests.tlogverify.documents import ARTIFACT_SHA256
from tlog.gate import folders
from tlog.gate.folders import DocumentFolder
from tlog.rules import Referred
from tlogclient.sboms import REFERENCE_TYPE
from tlogverify.errors import FormatError

SECOND = 1_000_000_000


def test_it_is_settled_once_its_time_is_older_than_a_tick(tmp_path: Path) -> None:
    made = place(tmp_path)
    fine, coarse = 5 * SECOND + 1, 5 * SECOND
    table = [
        ("fine, just now", fine, 50_000_000, False),
        ("fine, a tick later", fine, 150_000_000, True),
        ("coarse, a tick later", coarse, 150_000_000, False),
        ("coarse, seconds later", coarse, 3 * SECOND, True),
        ("from the future", fine, -SECOND, False),
    ]
    for name, mtime_ns, age_ns, settled in table:
        with case(name):
            os.utime(made.documents, ns=(mtime_ns, mtime_ns))
            found = DocumentFolder(made.documents, lambda: mtime_ns + age_ns)  # noqa: B023 - called within the loop
            assert settled == (found.settled() is not None)


def test_what_comes_and_goes_is_found_and_counted_as_a_change(tmp_path: Path) -> None:
    made = place(tmp_path)
    found = DocumentFolder(made.documents)
    first = found.generation()
    assert first == found.generation()
    assert 2 == len(found.find(ARTIFACT_SHA256)[0])
    assert ((), 0) == found.find(BAD_SHA256)
    made.put("other", built(subject=BAD_SHA256.hex()))
    assert found.generation() > first
    assert 1 == len(found.find(BAD_SHA256)[0])
    second = found.generation()
    # Another proof of the same envelope is another document.
    made.put("other", built(subject=BAD_SHA256.hex(), index=2))
    assert found.generation() > second
    (made.documents / "other.intoto.jsonl").unlink()
    assert ((), 0) == found.find(BAD_SHA256)
    (made.documents / "notes.txt").write_text("of no kind")
    third = found.generation()
    assert third == found.generation()


def test_a_referred_document_is_found_by_its_digest_and_its_going_is_a_change(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    content = b'{"bomFormat":"CycloneDX"}'
    digits = hashlib.sha256(content).hexdigest()
    predicate = {"references": [{"digest": {"sha256": digits}}]}
    made.put("bom", Paper(REFERENCE_TYPE, predicate, subject=BAD_SHA256.hex()))
    found = DocumentFolder(made.documents)
    assert 1 == len(found.find(BAD_SHA256)[0])
    first = found.generation()
    (made.documents / digits).write_bytes(content)
    assert found.generation() > first
    documents, unread = found.find(BAD_SHA256)
    assert (Referred(digits, content), 0) == (documents[1], unread)
    second = found.generation()
    (made.documents / digits).unlink()
    assert found.generation() > second
    assert 1 == len(found.find(BAD_SHA256)[0])
    (made.documents / digits).symlink_to(digits)
    assert 1 == found.find(BAD_SHA256)[1]


def test_a_file_that_the_machine_does_not_give_may_be_of_any_artifact(
    tmp_path: Path,
) -> None:
    made = place(tmp_path)
    # A link to itself is an error of reading, and no document that is not there.
    unread = made.documents / "a.sigstore.json"
    unread.symlink_to(unread)
    found = DocumentFolder(made.documents)
    assert ((), 1) == found.find(BAD_SHA256)
    documents, count = found.find(ARTIFACT_SHA256)
    assert (2, 1) == (len(documents), count)
    unread.unlink()
    unread.write_text("no bundle")
    assert ((), 0) == found.find(BAD_SHA256)
    # One that was listed, and cannot be read since.
    proof = made.documents / "build.tlog-proof"
    proof.unlink()
    proof.symlink_to(proof)
    documents, count = found.find(ARTIFACT_SHA256)
    assert (1, 1) == (len(documents), count)


def test_more_files_than_its_bound_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = place(tmp_path)
    monkeypatch.setattr(folders, "MAX_FILES", 2)
    DocumentFolder(made.documents)
    (made.documents / "third.sigstore.json").write_text("{}")
    with pytest.raises(FormatError, match="at most 2 documents"):
        DocumentFolder(made.documents)


def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DocumentFolder(tmp_path / "none")
