"""What is done with a log whose key changes: between the steps, and by a thief."""

from pathlib import Path

from tests.system.server import ServerProcess, run_tlog
from tlog.signing import read_key
from tlogverify import Proof
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.note import UnverifiedNote, parse_note


def submit(server: ServerProcess, artifact: Path) -> None:
    """Start the log, submit one file, and stop it."""
    artifact.write_text(artifact.name)
    server.start()
    policy = ("--policy", server.folder / "policy")
    done = run_tlog("submit", artifact, "--log", server.url, *policy)
    assert 0 == done.returncode, done.stderr
    assert 0 == server.terminate()


def forge(folder: Path, key: str) -> None:
    """Sign the head of `after` with an old key alone, as its thief would: `late`.

    folder: of the log's folder and the proofs.  key: its file among the log's keys.
    """
    proof = Proof.read(folder / "after.tlog-proof")
    head = parse_checkpoint(parse_note(proof.note).text)
    line = read_key(folder / "log" / "keys" / key).sign(head, time_s=1)
    note = UnverifiedNote(head.encode(), (line,)).encode()
    late = Proof(proof.index, proof.path, note, proof.extra)
    (folder / "late.tlog-proof").write_bytes(late.encode())
