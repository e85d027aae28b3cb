"""Rules of several requirements with a real log, and the verdict logged in it."""

from pathlib import Path

from tests.system.server import serving
from tests.system.test_attest import tlog

SCAN = '{"scanner": {"uri": "pkg:a/b", "result": []}}'
VULNS = "https://in-toto.io/attestation/vulns/v0.2"
RULES = f"""
[[keys]]
name = "release"
file = "release.key.pub"
builders = ["urn:tlog:builder:local"]
[[keys]]
name = "scanner"
file = "scanner.key.pub"
[[require]]
predicate_types = ["https://slsa.dev/provenance/v1"]
signers = ["release"]
any_source = true
[[require]]
predicate_types = ["{VULNS}"]
signers = ["scanner"]
no_vulnerability_above = "none"
"""
DELEGATED = """
[[keys]]
file = "release.key.pub"
[[require]]
predicate_types = ["https://slsa.dev/verification_summary/v1"]
signers = ["key 1"]
verifier = "https://verifier.example"
policy_digest = "sha256:DIGEST"
"""


def test_a_verdict_that_is_logged_takes_the_place_of_its_inputs(
    tmp_path: Path,
) -> None:
    (tmp_path / "app").write_text("what was built")
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "app").write_text("what was built")
    (tmp_path / "scan.json").write_text(SCAN)
    (tmp_path / "RULES.toml").write_text(RULES)
    for name in ("release", "scanner"):
        made = tlog(tmp_path, "keygen", name, "--type", "p256", "--out", f"{name}.key")
        assert 0 == made.returncode
    with serving(tmp_path / "log") as log:
        at = ("--log", log.url, "--policy", "log/policy")
        done = tlog(tmp_path, "attest", "app", "--key", "release.key", *at)
        assert 0 == done.returncode, done.stderr
        said = ("--predicate", "scan.json", "--type", VULNS, "--key", "scanner.key")
        assert 0 == tlog(tmp_path, "attest", "scan/app", *said, *at).returncode
        inputs = ("app.intoto.jsonl", "scan/app.intoto.jsonl")
        given = [it for name in inputs for it in ("--attestation", name)]
        whose = ("--vsa", "app.vsa.intoto.jsonl", "--verifier")
        signed = (*whose, "https://verifier.example", "--sign", "release.key")
        by = ("verify", "app", "--rules", "RULES.toml", *given, *signed)
        done = tlog(tmp_path, *by, *at)
        assert (0, "") == (done.returncode, done.stderr)
    checked = tlog(tmp_path, "rules", "check", "RULES.toml")
    digest = checked.stdout.rpartition("sha256:")[2].strip()
    (tmp_path / "other.toml").write_text(DELEGATED.replace("DIGEST", digest))
    summary = ("--attestation", "app.vsa.intoto.jsonl", "--policy", "log/policy")
    by = ("verify", "app", "--rules", "other.toml", *summary)
    done = tlog(tmp_path, *by)
    assert (0, "") == (done.returncode, done.stderr)
    # The artifact's own proof is of its provenance.
    done = tlog(tmp_path, *by, "--proof", "app.tlog-proof")
    assert (1, True) == (done.returncode, "another attestation" in done.stderr)
