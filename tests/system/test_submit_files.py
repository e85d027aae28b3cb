"""What is submitted and where its proof goes: refused before anything is logged."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.standing import standing_before, tlog
from tests.system.server import COMMAND, ServerProcess, environment, run_tlog, serving
from tests.system.test_submit import proof_of, proven, some_files
from tlogverify import Policy, Proof, verify_artifact


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(tmp_path_factory.mktemp("files") / "log") as running:
        yield running


@pytest.fixture
def to_log(server: ServerProcess) -> list[str]:
    return ["--log", server.url, "--policy", str(server.folder / "policy")]


def shell(line: str, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `tlog` is the command under test."""
    function = f'tlog() {{ {shlex.join(COMMAND)} "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", function],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        cwd=folder,
    )


PLACES = [
    pytest.param("folder", "Is a directory", id="a-folder-is-there"),
    pytest.param("link", "is no regular file", id="a-link-is-there"),
    pytest.param("text", "is no proof file", id="another-file-is-there"),
    pytest.param("long", "File name too long", id="a-name-too-long"),
]


@pytest.mark.parametrize(("what", "why"), PLACES)
async def test_a_place_that_takes_no_proof_is_refused_before_anything_is_logged(
    server: ServerProcess, tmp_path: Path, what: str, why: str
) -> None:
    files = some_files(tmp_path, 2)
    match what:
        case "folder":
            proof_of(files[1]).mkdir()
        case "link":
            proof_of(files[1]).symlink_to(tmp_path / "nowhere")
        case "text":
            proof_of(files[1]).write_text("my own notes")
        case _:
            files[1] = files[1].rename(tmp_path / ("n" * 245))
    async with standing_before(server.url) as proxy:
        policy = server.folder / "policy"
        done = await tlog("submit", *files, "--log", proxy.url, "--policy", policy)
        assert 0 == proxy.asked
    assert 2 == done.status
    assert why in done.err
    assert not proof_of(files[0]).exists()


@pytest.mark.parametrize("flags", [["-O", "/dev/null/x"], ["-o", "/nowhere/x"]])
async def test_a_folder_that_takes_no_file_is_refused_before_anything_is_logged(
    server: ServerProcess, tmp_path: Path, flags: list[str]
) -> None:
    (file,) = some_files(tmp_path, 1)
    async with standing_before(server.url) as proxy:
        policy = server.folder / "policy"
        command = ("submit", file, "--log", proxy.url, "--policy", policy, *flags)
        done = await tlog(*command)
        assert (2, 0) == (done.status, proxy.asked)
    assert flags[1].rpartition("/")[0] in done.err


def test_a_name_as_long_as_a_proofs_may_be_is_no_trouble(
    to_log: list[str], tmp_path: Path
) -> None:
    file = tmp_path / ("ä" * 122)  # 244 bytes; its proof's name has 255
    file.write_bytes(os.urandom(9))
    assert 0 == run_tlog("submit", file, *to_log).returncode
    assert proof_of(file).exists()


def test_names_are_escaped_and_cost_no_proof(to_log: list[str], tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\x1b[31m\xff\n.bin"))
    file.write_bytes(os.urandom(9))
    done = run_tlog("submit", file, *to_log)
    assert 0 == done.returncode
    assert r"/\x1b[31m\udcff\n.bin: entry" in done.stdout
    assert proof_of(file).exists()
    done = run_tlog("submit", file, *to_log, "--json")
    assert str(file) == json.loads(done.stdout)["file"]


@pytest.mark.parametrize("kind", ["another-entry", "another-log"])
def test_a_proof_of_something_else_is_replaced_by_force_alone(
    server: ServerProcess, to_log: list[str], tmp_path: Path, kind: str
) -> None:
    files = some_files(tmp_path / "files", 2)
    if kind == "another-entry":
        note = tmp_path / "note"
        note.write_text("provenance")
        first = run_tlog("submit", files[1], *to_log, "--provenance", note)
    else:
        with serving(tmp_path / "log", origin="other.example/log") as other:
            first = run_tlog("submit", files[1], "--log", other.url)
    assert 0 == first.returncode
    before = proof_of(files[1]).read_bytes()
    refused = run_tlog("submit", *files, *to_log)
    assert 2 == refused.returncode
    assert kind.replace("-", " ") in refused.stderr
    assert str(proof_of(files[1])) in refused.stderr
    assert "--force" in refused.stderr
    assert before == proof_of(files[1]).read_bytes()
    assert not proof_of(files[0]).exists()
    assert 0 == run_tlog("submit", *files, *to_log, "--force").returncode
    assert files == proven(files, server.folder / "policy")


@pytest.mark.parametrize("kept_bytes", [0, 5, 200])
def test_a_proof_that_was_cut_short_is_written_anew(
    server: ServerProcess, to_log: list[str], tmp_path: Path, kept_bytes: int
) -> None:
    (file,) = some_files(tmp_path, 1)
    assert 0 == run_tlog("submit", file, *to_log).returncode
    proof = proof_of(file)
    whole = proof.read_bytes()
    proof.write_bytes(whole[:kept_bytes])
    done = run_tlog("submit", file, *to_log)
    assert 0 == done.returncode
    assert "there before" not in done.stdout
    assert [file] == proven([file], server.folder / "policy")


def test_outputs_that_a_pattern_names_are_passed_over_and_told(
    to_log: list[str], tmp_path: Path
) -> None:
    some_files(tmp_path, 2)
    (tmp_path / "f00000.bin.intoto.jsonl").write_text("{}")
    (tmp_path / "f00001.bin.tlog-proof").write_text("")
    done = run_tlog("submit", *sorted(tmp_path.iterdir()), *to_log)
    assert (0, 2) == (done.returncode, len(done.stdout.splitlines()))
    assert "passed over, an output of ours by its name: " in done.stderr
    assert "f00000.bin.intoto.jsonl, " in done.stderr
    alone = run_tlog("submit", tmp_path / "f00001.bin.tlog-proof", *to_log)
    assert 2 == alone.returncode
    assert "there is no file to submit" in alone.stderr


def test_a_folder_means_its_files_and_keeps_their_paths(
    to_log: list[str], tmp_path: Path
) -> None:
    files = some_files(tmp_path / "d", 2)
    (tmp_path / "d/sub").mkdir()
    deep = files[1].rename(tmp_path / "d/sub/f00000.bin")
    (tmp_path / "d/loop").symlink_to(tmp_path / "d")
    os.mkfifo(tmp_path / "d/pipe")
    refused = run_tlog("submit", tmp_path / "d", *to_log)
    assert 2 == refused.returncode
    assert "--recursive" in refused.stderr
    done = run_tlog(
        "submit", tmp_path / "d", *to_log, "--recursive", "-O", tmp_path / "o"
    )
    assert 0 == done.returncode
    assert "neither a file nor a link to one" in done.stderr
    written = sorted((tmp_path / "o").rglob("*.tlog-proof"))
    assert ["o/f00000.bin.tlog-proof", "o/sub/f00000.bin.tlog-proof"] == [
        str(it.relative_to(tmp_path)) for it in written
    ]
    policy = Policy.read(to_log[3])
    verify_artifact(deep, Proof.read(written[1]), policy)


def test_two_files_of_one_name_do_not_share_a_proof(
    to_log: list[str], tmp_path: Path
) -> None:
    files = [*some_files(tmp_path / "a", 1), *some_files(tmp_path / "b", 1)]
    refused = run_tlog("submit", *files, *to_log, "-O", tmp_path / "out")
    assert 2 == refused.returncode
    assert "would both be" in refused.stderr
    twice = run_tlog("submit", files[0], files[0], *to_log, "--json")
    assert (0, 1) == (twice.returncode, len(twice.stdout.splitlines()))


def test_a_file_in_memory_is_a_file_though_it_lies_below_dev(
    to_log: list[str],
) -> None:
    memory = Path("/dev/shm")  # noqa: S108 - a folder is made there
    if not os.access(memory, os.W_OK):
        pytest.skip("there is no /dev/shm")
    with TemporaryDirectory(dir=memory) as folder:
        (file,) = some_files(Path(folder), 1)
        done = run_tlog("submit", file, *to_log)
        assert 0 == done.returncode, done.stderr
        assert proof_of(file).is_file()


@pytest.mark.parametrize(
    "line",
    [
        "printf text | tlog submit -",
        "tlog submit <(printf text)",
        "printf text >in; tlog submit /dev/stdin <in",
    ],
)
def test_a_stream_is_submitted_where_its_proof_has_a_name(
    to_log: list[str], tmp_path: Path, line: str
) -> None:
    end = shlex.join(to_log)
    refused = shell(f"{line} {end}", tmp_path)
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "-o FILE says where its proof goes" in refused.stderr
    done = shell(f"{line} {end} -o text.proof", tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    (tmp_path / "text").write_text("text")
    proof = Proof.read(tmp_path / "text.proof")
    verify_artifact(tmp_path / "text", proof, Policy.read(to_log[3]))


def test_a_digest_stands_for_an_artifact_that_is_not_here(
    to_log: list[str], tmp_path: Path
) -> None:
    image = f"sha256:{os.urandom(32).hex()}"
    done = shell(f"tlog submit {image} {shlex.join(to_log)}", tmp_path)
    assert 0 == done.returncode
    proof = Proof.read(tmp_path / f"{image.replace(':', '-')}.tlog-proof")
    verify_artifact(image, proof, Policy.read(to_log[3]))
    refused = run_tlog("submit", "sha256:ABC", *to_log)
    assert 2 == refused.returncode
    assert "64 lower-case hex" in refused.stderr


def test_one_name_for_several_proofs_is_refused(
    to_log: list[str], tmp_path: Path
) -> None:
    done = run_tlog("submit", *some_files(tmp_path, 2), *to_log, "-o", tmp_path / "p")
    assert 2 == done.returncode
    assert "-o names one proof, and there are 2 artifacts" in done.stderr


@pytest.mark.parametrize("number", ["0", "10001"])
def test_a_batch_that_no_request_holds_is_refused(
    to_log: list[str], tmp_path: Path, number: str
) -> None:
    done = run_tlog("submit", *some_files(tmp_path, 1), *to_log, "--batch", number)
    assert 2 == done.returncode
    assert "--batch" in done.stderr
