"""Wrong commands, each run once: status, one line, what is wrong, what to do next."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.server import ServerProcess, run_tlog, serving

NOWHERE = "/proc/no-folder-can-be-made-here"
"""A folder that even root cannot make."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A log, and beside its folder what the commands name."""
    place = tmp_path_factory.mktemp("messages")
    with serving(place / "log") as running:
        (place / "app").write_bytes(b"an artifact")
        (place / "folder").mkdir()
        (place / "vkey").write_bytes((place / "log" / "log.vkey").read_bytes())
        shutil.copy(place / "log" / "policy", place / "policy")
        (place / "text").write_text("hello\n")
        (place / "bundle").write_text('{"mediaType": "application/vnd.dev.sigstore.b"}')
        other = run_tlog("keygen", "other.example/log", "--out", place / "other.key")
        (place / "other").write_text(f"log {other.stdout}quorum none\n")
        made = run_tlog("keygen", "us", "--type", "p256", "--out", place / "key")
        assert 0 == made.returncode, made.stderr
        policy = ("--log", running.url, "--policy", place / "policy")
        done = run_tlog("submit", place / "app", *policy)
        assert 0 == done.returncode, done.stderr
        yield running


# What is typed: PLACE is the folder of the fixture, SERVER the log's URL, PORT its
# address.  Then the status, what is wrong, and what to do next.
COMMANDS: list[tuple[str, int, str, str]] = [
    ("sumbit PLACE/app", 2, "there is no verb 'sumbit'", "did you mean submit?"),
    ("frobnicate", 2, "there is no verb 'frobnicate'", "tlog --help"),
    ("submit PLACE/app", 2, "required: --log", "tlog submit --help"),
    ("submit PLACE/app --log SERVER --polcy x", 2, "--polcy", "tlog submit --help"),
    (
        "submit PLACE/no --log SERVER --policy PLACE/policy",
        2,
        "PLACE/no",
        "No such file",
    ),
    ("submit PLACE/app --log PORT", 2, "--log", "starts with http:// or https://"),
    (
        "submit PLACE/text --log SERVER/no --policy PLACE/policy",
        1,
        "there is no log at SERVER/no",
        "is its path missing or wrong?",
    ),
    (
        "submit PLACE/text --log SERVER --policy PLACE/other",
        1,
        "trusts 'other.example/log', and the answer is of 'log.example/system'",
        "another log needs its own policy",
    ),
    (
        "submit PLACE/text --log SERVER --policy PLACE/vkey",
        2,
        "PLACE/vkey: policy line 1: a verifier key alone is no policy",
        "write `log` before it",
    ),
    (
        "submit PLACE/text --log SERVER --policy PLACE/policy --timeout soon",
        2,
        "found 'soon'",
        "a number of seconds above 0",
    ),
    (
        "submit PLACE/text --log SERVER --policy PLACE/policy --ca-file PLACE/text",
        2,
        "PLACE/text",
        "certificates in PEM",
    ),
    (
        f"submit PLACE/text --log SERVER --policy PLACE/policy -O {NOWHERE}",
        2,
        NOWHERE,
        "No such file",
    ),
    (
        "attest PLACE/text --log SERVER --policy PLACE/policy --key PLACE/key.pub",
        2,
        "PLACE/key.pub is a public key",
        "--key takes the private key",
    ),
    (
        "attest PLACE/no --log SERVER --policy PLACE/policy --key PLACE/key",
        2,
        "the artifact is not there",
        "PLACE/no",
    ),
    (
        "attest PLACE/text --log http://127.0.0.1:1 --policy PLACE/policy "
        "--key PLACE/key --timeout 0.1",
        1,
        "no answer from the log",
        "127.0.0.1:1",
    ),
    (
        "attest PLACE/text --log SERVER --policy PLACE/policy --key PLACE/key "
        "--ca-file PLACE/no",
        2,
        "PLACE/no",
        "No such file",
    ),
    ("verify PLACE/no --policy PLACE/policy", 2, "not here", "--proof FILE"),
    ("verify PLACE/text --policy PLACE/policy", 2, "No such file", "tlog submit"),
    (
        "verify PLACE/app --policy PLACE/policy --proof PLACE/bundle",
        2,
        "PLACE/bundle is not a proof file",
        "`tlog submit` writes one",
    ),
    (
        "verify sha256:12 --policy PLACE/policy",
        2,
        "found 'sha256:12'",
        "sha256: and 64 lower-case hex",
    ),
    (
        f"verify sha256:{'0' * 64} --policy PLACE/policy",
        2,
        "beside a digest lies no proof file",
        "name it by --proof FILE",
    ),
    (
        "verify PLACE/app --policy PLACE/other",
        1,
        "no trusted log key of 'log.example/system' signed",
        "another log needs its own policy",
    ),
    ("verify PLACE/app --policy PLACE/vkey", 2, "a verifier key alone", "quorum none"),
    (
        "verify PLACE/app --policy no-such-policy",
        2,
        "the policy no-such-policy",
        "looked in",
    ),
    (
        "verify PLACE/app --policy PLACE/policy --attestation PLACE/text "
        "--rules PLACE/no",
        2,
        "unusable input",
        "PLACE/no: No such file",
    ),
    (
        "search PLACE/no --log SERVER --policy PLACE/policy",
        2,
        "PLACE/no: No such file",
        "name a file, or its digest as sha256:<64 hex>",
    ),
    (
        "search PLACE/folder --log SERVER --policy PLACE/policy",
        2,
        "PLACE/folder: Is a directory",
        "name a file, or its digest",
    ),
    (
        "search --key PLACE/text --log SERVER --policy PLACE/policy",
        2,
        "PLACE/text",
        "public key or certificate in DER or PEM",
    ),
    (
        "search PLACE/app --log http://127.0.0.1:1 --policy PLACE/policy --timeout 0.1",
        1,
        "127.0.0.1:1 cannot be reached (Connection refused)",
        "is a log there?",
    ),
    (
        "search PLACE/app --log SERVER --policy PLACE/policy --timeout 0",
        2,
        "found '0'",
        "a number of seconds above 0",
    ),
    ("fsck PLACE/no", 2, "PLACE/no is not a log's folder", "tlog fsck"),
    ("fsck PLACE/log", 2, "another process holds PLACE/log", "stop it first"),
    ("rebuild PLACE/text", 2, "PLACE/text is not a log's folder", "tlog rebuild"),
    ("rebuild PLACE/log", 2, "another process holds PLACE/log", "stop it first"),
    ("keygen us --out PLACE/key", 2, "PLACE/key exists", "choose another name"),
    ("keygen us --out PLACE/no/key", 2, "PLACE/no/key: No such file", "tlog keygen"),
    ("keygen a+b --out PLACE/no", 2, "found 'a+b'", "no space, plus sign"),
    ("keygen us --type rsa", 2, "invalid choice: 'rsa'", "choose from"),
    ("serve --data PLACE/new", 2, "a new log needs", "--origin NAME"),
    (
        "serve --data PLACE/text --origin a.example",
        2,
        "PLACE/text is no folder",
        "choose another",
    ),
    (
        f"serve --data {NOWHERE} --origin a.example",
        2,
        f"{NOWHERE}: the folder cannot be made or written to",
        "No such file",
    ),
    (
        "serve --data PLACE/second --origin a.example --listen PORT",
        2,
        "PORT: address already in use",
        "choose another --listen",
    ),
    (
        "serve --data PLACE/second --origin a.example --listen 192.0.2.1:8080",
        2,
        "192.0.2.1:8080: no address of this machine",
        "choose another --listen",
    ),
    ("serve --config PLACE/no", 2, "PLACE/no: No such file", "tlog serve"),
    ("serve --config PLACE/text", 2, "PLACE/text is not TOML", "line 1"),
    ("witness --data PLACE/new", 2, "a new witness needs", "--name NAME"),
    (
        "witness --data PLACE/text --name w.example",
        2,
        "PLACE/text is no folder",
        "choose another",
    ),
    (
        f"witness --data {NOWHERE} --name w.example",
        2,
        f"{NOWHERE}: the folder cannot be made or written to",
        "No such file",
    ),
    (
        "witness --data PLACE/w --name w.example --log nonsense",
        2,
        "--log: a verifier key is <name>+<id>+<key>",
        "found b'nonsense'",
    ),
    ("monitor", 2, "a monitor needs", "--log, --policy, --state"),
    (
        "monitor --log SERVER --policy no-such-policy --state PLACE/state --once",
        2,
        "the policy no-such-policy",
        "looked in",
    ),
    (
        "monitor --log SERVER --policy PLACE/vkey --state PLACE/state --once",
        2,
        "a verifier key alone is no policy",
        "write `log` before it",
    ),
    (
        "monitor --log SERVER --policy PLACE/policy --state PLACE/text --once",
        2,
        "PLACE/text is no folder",
        "choose another",
    ),
    (
        f"monitor --log SERVER --policy PLACE/policy --state {NOWHERE} --once",
        2,
        f"{NOWHERE}: the folder cannot be made or written to",
        "No such file",
    ),
    (
        "sigstore-config --log PORT --out PLACE/out --policy PLACE/policy",
        2,
        "found 'PORT'",
        "--log is an http or https URL",
    ),
    (
        "sigstore-config --log SERVER --out PLACE/out --policy PLACE/policy "
        "--merge PLACE/no",
        2,
        "PLACE/no: No such file",
        "tlog sigstore-config",
    ),
    (
        "sigstore-config --log SERVER --out PLACE/out --policy PLACE/policy "
        "--fulcio nonsense",
        2,
        "found 'nonsense'",
        "the argument is URL=FILE",
    ),
]


@pytest.mark.parametrize(
    ("typed", "status", "wrong", "ahead"), COMMANDS, ids=[it[0] for it in COMMANDS]
)
def test_a_wrong_command_ends_with_one_line(
    server: ServerProcess, typed: str, status: int, wrong: str, ahead: str
) -> None:
    places = {
        "PLACE": str(server.folder.parent),
        "SERVER": server.url,
        "PORT": server.url.removeprefix("http://"),
    }
    for name, meant in places.items():
        typed, wrong, ahead = (it.replace(name, meant) for it in (typed, wrong, ahead))
    # Not in this checkout, of whose remote `attest` may have something to tell.
    done = run_tlog(*typed.split(), folder=server.folder.parent)
    assert (status, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n"), done.stderr
    assert "Errno" not in done.stderr
    assert wrong in done.stderr
    assert ahead in done.stderr


def test_a_log_that_is_no_folder_and_no_url_is_told_what_one_is(
    server: ServerProcess,
) -> None:
    """It is an alarm, not a wrong setting: a folder can be missing for a while."""
    place = server.folder.parent
    done = run_tlog(
        *("monitor", "--log", "nonsense", "--policy", place / "policy", "--once"),
        *("--state", place / "unreachable"),
    )
    assert 1 == done.returncode
    assert "nonsense is no folder here: a log is named by its URL" in done.stdout


def test_a_monitor_finds_a_policy_by_its_name(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = tmp_path / "tlog" / "policies"
    policies.mkdir(parents=True)
    shutil.copy(server.folder / "policy", policies / "ours")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    common = ("--log", server.url, "--policy", "ours", "--once")
    done = run_tlog("monitor", *common, "--state", tmp_path / "state")
    assert (0, "") == (done.returncode, done.stdout)


def test_an_attestation_of_what_is_not_here_is_verified_by_its_digest(
    server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submit and attest name their outputs alike: the second does not replace."""
    place = server.folder.parent
    monkeypatch.chdir(tmp_path)
    digest = "ab" * 32
    log = ("--log", server.url, "--policy", place / "policy")
    key = ("--key", place / "key")
    attested = run_tlog("attest", f"sha256:{digest}", *log, *key)
    assert 0 == attested.returncode, attested.stderr
    proof = f"sha256-{digest}.tlog-proof"
    assert {proof, f"sha256-{digest}.intoto.jsonl"} == {
        it.name for it in tmp_path.iterdir()
    }
    given = (f"sha256:{digest}", "--policy", place / "policy", "--proof", proof)
    assert 0 == run_tlog("verify", *given).returncode
    submitted = run_tlog("submit", f"sha256:{digest}", *log)
    assert 2 == submitted.returncode
    assert "is the proof of another entry" in submitted.stderr
    assert "--force replaces it" in submitted.stderr
