"""A bundle with a certificate: from the door for GitHub's clients to a verdict."""

from pathlib import Path

from tests.support.cases import case
from tests.support.sigstore.workshop import EMAIL, local_url, workshop
from tests.system.test_attest import NAMES, prepared, tlog
from tests.system.test_gate import gating
from tests.tlogverify.refusal import flip

BUNDLE = "release.sigstore.json"


def rules(identity: str, issuer: str) -> str:
    return f"""
[[identities]]
name = "release"
san = "{identity}"
issuer = "{issuer}"
builders = ["urn:tlog:builder:local"]

[[require]]
predicate_types = ["https://slsa.dev/provenance/v1"]
signers = ["release"]
any_source = true
"""


def test_what_a_person_has_signed_is_allowed_and_each_change_is_refused(
    tmp_path: Path,
) -> None:
    flags = ("--sigstore-native", "--documents")
    (tmp_path / "shop").mkdir()
    with workshop(tmp_path / "shop", *flags) as shop:
        prepared(tmp_path)
        shop.certify(tmp_path)
        log = ("--log", local_url(shop.server))
        policy = ("--policy", str(shop.server.folder / "policy"))
        made = tlog(
            tmp_path,
            *("attest", *NAMES, "--key", "release.key", *log, *policy),
            *("--bundle", BUNDLE, "--certificate", "release.pem"),
            *("--timestamp-authority", shop.neighbours.tsa_url),
        )
        assert 0 == made.returncode, made.stderr
        kept = ("--provenance", BUNDLE, "--documents")
        done = tlog(tmp_path, "submit", NAMES[0], *kept, *log, *policy)
        assert 0 == done.returncode, done.stderr
        while tlog(tmp_path, "search", NAMES[0], *log, *policy).returncode:
            pass
        known = (*log, *policy, "--log-bundles")
        root = ("--trusted-root", str(shop.client.trust.with_name("trusted_root.json")))
        issuer = shop.client.issuer
        table = [
            (EMAIL, issuer, root, 0, "met"),
            (f"x{EMAIL}", issuer, root, 1, "no-entry"),
            (EMAIL, f"{issuer}x", root, 1, "no-entry"),
        ]
        (tmp_path / "other").write_bytes(flip((tmp_path / NAMES[0]).read_bytes()))
        for number, (identity, by, trusted, status, reason) in enumerate(table):
            with case(f"{identity} {by}"):
                (tmp_path / "RULES.toml").write_text(rules(identity, by))
                given = ("--rules", str(tmp_path / "RULES.toml"), *known, *trusted)
                with gating(tmp_path / f"gate{number}", *given) as gate:
                    ask = ("gate", "decide", "--gate", gate.url)
                    done = tlog(tmp_path, *ask, NAMES[0])
                    assert status == done.returncode, done.stdout
                    assert f"({reason})" in done.stdout
                    done = tlog(tmp_path, *ask, "other")
                    assert (1, True) == (done.returncode, "no-entry" in done.stdout)
