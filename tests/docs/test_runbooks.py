"""The runbooks' commands run, on a log that is there as each of them says."""

import re
from pathlib import Path

from tests.docs.documents import DOCS, Block, blocks, read
from tests.docs.test_examples import may_run
from tests.docs.workplace import Workplace

RUNBOOKS = DOCS / "runbooks"
WHILE_IT_RUNS = (
    *("missing-provenance", "verification-failure", "quorum-lost", "key-rotation"),
)
THEN_STOPPED = ("tamper", "rollback", "disk-full", "restore")

SCENE = """
echo built > app.tar
tlog keygen release --type p256 --out release.key
tlog attest app.tar --key release.key --log http://127.0.0.1:8080 --policy my-log/policy
tlog head --log http://127.0.0.1:8080 --policy my-log/policy -o kept-head
mkdir my-log/documents
printf '1\\n' > my-log/documents/documents.format
mkdir my-log/documents/stored my-log/documents/tombs my-log/documents/facts
printf 'sha256:%064d\\n' 1 > images.txt
cat > RULES.toml <<'END'
[[keys]]
name = "release"
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]

[[require]]
name = "build"
predicate_types = ["https://slsa.dev/provenance/v1"]
signers = ["release"]
any_source = true
END
"""


def scene(place: Workplace) -> None:
    """A log with one attested file, its rules, and a head that was kept."""
    place.serve("tlog serve --data my-log --origin log.example.org")
    here, _, rest = SCENE.partition("mkdir")
    place.run_lines(Block(Path(__file__), 1, "run", "sh", here))
    place.run(Block(Path(__file__), 1, "run", "sh", f"mkdir{rest}"))


def play(place: Workplace, name: str) -> None:
    """Do what each marked block of a runbook says; restart a log that was stopped."""
    for block in blocks(RUNBOOKS / f"{name}.md"):
        if block.language != "sh" or block.marker.startswith("not run"):
            continue
        if block.marker == "serve":
            place.serve(block.text.strip())
            continue
        if block.marker.startswith("stop"):
            assert 0 == place.stop()
        if may_run(block):
            place.run_lines(block)


def test_the_commands_of_runbooks_run(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    try:
        scene(place)
        for name in WHILE_IT_RUNS:
            play(place, name)
        for number, name in enumerate(THEN_STOPPED):
            if number:
                place.serve("tlog serve --data my-log")
            play(place, name)
    finally:
        place.end()


def test_every_runbook_is_played_and_stands_in_the_list() -> None:
    found = {it.stem for it in RUNBOOKS.glob("*.md")} - {"README"}
    assert {*WHILE_IT_RUNS, *THEN_STOPPED} == found
    listed = re.findall(r"\]\(([\w-]+)\.md\)", read(RUNBOOKS / "README.md"))
    assert found == set(listed)
    for name in found:
        runs = [it for it in blocks(RUNBOOKS / f"{name}.md") if "run" in it.marker]
        assert runs, name
