"""The explorer in a real browser: what is true is green, and each lie is shown as one.

It wants Debian's chromium (`apt-get install chromium`); without it this is skipped.
"""

import base64
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from cryptography.x509 import RFC822Name
from playwright.sync_api import Browser, Page

from tests.support import warm
from tests.support.browser import CHROMIUM, PLAIN_HOST, Explorer, started_browser
from tests.support.cases import case
from tests.support.lying import lying_about
from tests.support.rekor import (
    P256,
    body_of,
    certificate,
    hashedrekord,
    private_key,
)
from tests.support.static_files import served_folder
from tests.support.static_log import POLICY, StaticLog
from tests.system.server import (
    ServerProcess,
    WitnessProcess,
    environment,
    run_tlog,
    serving,
)
from tests.system.test_attest import prepared, tlog
from tests.tlog.explorer import vectors
from tests.tlog.explorer.test_verifier import (
    JUDGE,
    PAGE,
    TREES,
    differing,
    require_read,
    tree_vectors,
)
from tests.tlogclient.boms import cyclonedx
from tests.tlogverify.actors import LOG, OTHER_LOG, WITNESS, note
from tests.tlogverify.documents import ARTIFACT, POLICY_TEXT
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import encoded, of_message
from tlogverify import Record
from tlogverify.record import Subject

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="Debian's chromium: apt-get install chromium"
)

further = pytest.mark.skipif(
    "TLOG_BROWSER" not in os.environ, reason="`make test-browser` runs all stories"
)

ORIGIN = "log.example/explored"
SIGNED = "the log signed the head"
QUORUM = "the policy's witnesses cosigned it"
EXTENDS = "it extends the newest head that this browser has seen"
LEADS = "its leaf hash and path lead to the head's root"
IS_RECORD = "its bytes are a record or a Rekor entry in canonical form"
NAMES = "it names the digest that is sought"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a tab of a new profile; nothing of it is kept."""
    context = browser.new_context()
    context.set_default_timeout(60_000)
    yield context.new_page()
    context.close()


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def record(artifact: bytes, document: bytes = b"") -> Record:
    return Record(
        (Subject(digest_of(artifact)),),
        digest_of(document or artifact + b" built"),
        "https://slsa.dev/provenance/v1",
    )


def submit(
    server: ServerProcess, *records: Record, form: str = "application/json"
) -> bytes:
    """Submit records by hand: playwright's loop runs in this thread already."""
    body = b'{"entries":[' + b",".join(it.encode() for it in records) + b"]}"
    headers = {"Content-Type": "application/json", "Accept": form}
    request = Request(f"{server.url}/api/v1/entries", body, headers)  # noqa: S310 - a loopback server of ours
    with urlopen(request) as answer:  # noqa: S310 - as above
        assert 201 == answer.status
        found: bytes = answer.read()
    return found


def index_of(answer: bytes) -> int:
    return int(json.loads(answer)["entries"][0]["index"])


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Return a log with documents, whose heads a witness cosigns; 300 entries."""
    folder = tmp_path_factory.mktemp("network")
    keys = folder / "log" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    made = run_tlog("keygen", ORIGIN, "--out", keys / "log.ed25519")
    witness = WitnessProcess(
        folder / "witness", "--log", made.stdout.strip(), origin="witness.example/w"
    )
    server = None
    try:
        witness.start()
        policy = folder / "witnesses"
        policy.write_text(f"witness w {witness.vkey} {witness.url}\nquorum w\n")
        flags = [f"--witness-policy={policy}", "--documents"]
        flags += ["--witness-interval-ms=20", "--publish-interval-ms=20"]
        server = ServerProcess(folder / "log", *flags, origin=ORIGIN).start()
        submit(server, *(record(b"artifact %d" % it) for it in range(300)))
        server.wait_until_searchable(300)
        yield server
    finally:
        for started in (server, witness):
            if started is not None:
                started.end()


def policy_of(server: ServerProcess) -> str:
    return (server.folder / "policy").read_text()


def test_nothing_is_green_before_it_was_checked(
    page: Page, network: ServerProcess
) -> None:
    explorer = Explorer(page, network.url)
    explorer.open()
    states = explorer.states("#head")
    assert {SIGNED: "skip", QUORUM: "skip", EXTENDS: "skip"} == {
        title: state
        for title, state in states.items()
        if title != "the head is a well-formed checkpoint"
    }
    assert ["skip"] == explorer.verdicts("#head")
    explorer.ask("#7")
    assert "pass" not in explorer.verdicts("#answer")
    assert explorer.states("#answer")[LEADS] == "pass"
    explorer.trust(policy_of(network))
    # The first proven head has no earlier one to be compared with.
    assert ["pass"] == explorer.verdicts("#head")
    assert "skip" == explorer.states("#head")[EXTENDS]
    explorer.look_again()
    assert {"pass"} == set(explorer.states("#head").values())
    explorer.ask("#7")
    assert ["pass"] == explorer.verdicts("#answer")
    assert [] == explorer.failures


@further
def test_files_are_proven_without_being_sent(
    page: Page, network: ServerProcess
) -> None:
    with lying_about(network.url) as (url, server):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(policy_of(network))
        release = b"a release that goes nowhere\n"
        proof = submit(network, record(release), form="text/plain")
        asked = len(server.asked)
        explorer.drop(release=release, proof=proof)
        assert ["pass"] == explorer.verdicts("#answer"), explorer.told("#answer")
        assert {"/explorer/"} >= {it[:10] for it in server.asked[asked:]}
        explorer.drop(proof=proof)
        assert ["skip"] == explorer.verdicts("#answer")
        explorer.drop(other=b"another release\n", proof=proof)
        assert "fail" == explorer.states("#answer")["the entry names the file"]
        for at in range(60, len(proof), 97):
            explorer.drop(release=release, proof=flip(proof, 8 * at))
            assert {"fail"} == set(explorer.verdicts("#answer")), at
        assert [] == explorer.failures


@further
def test_a_dropped_artifact_is_found_with_its_signed_document(
    page: Page, network: ServerProcess
) -> None:
    release, key = b"a release with a document\n", Ed25519PrivateKey.generate()
    document = envelope_of(release, key)
    index = index_of(submit(network, record(release, document)))
    target = f"{network.url}/api/v1/documents/sha256:{digest_of(document).hex()}"
    urlopen(Request(f"{target}?entry={index}", document, method="PUT"))  # noqa: S310 - loopback
    network.wait_until_searchable(index + 1)
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(policy_of(network), pem_of(Ed25519PrivateKey.generate()))
    explorer.drop(release=release)
    signed = "the document is signed by a key that you trust"
    assert "fail" == explorer.states("#answer")[signed]
    explorer.trust(policy_of(network), pem_of(key))
    explorer.drop(release=release)
    states = explorer.states("#answer")
    # Whether a hit was left out is all that nobody has checked.
    assert ["no hit was left out"] == [it for it in states if states[it] != "pass"]
    assert ["pass"] == explorer.verdicts("#answer")
    assert {"pass"} == {
        it.split(":")[0] == "proven" and "pass" for it in explorer.audit()
    }
    assert 2 == len(explorer.told("#audit-checks"))
    assert [] == explorer.failures


def envelope_of(artifact: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return a signed statement of an artifact, spelled by hand."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a", "digest": {"sha256": digest_of(artifact).hex()}}],
        "predicateType": "https://a.example/said",
        "predicate": {},
    }
    kind, payload = b"application/vnd.in-toto+json", json.dumps(statement).encode()
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    return json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind.decode(),
            "signatures": [{"sig": base64.b64encode(key.sign(message)).decode()}],
        }
    ).encode()


def pem_of(key: Ed25519PrivateKey) -> str:
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form).decode()


@further
def test_a_bundle_is_judged_offline(page: Page, network: ServerProcess) -> None:
    bundle = encoded(of_message())
    public = private_key(P256).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(POLICY_TEXT.decode(), pem)
    explorer.drop(release=ARTIFACT, bundle=bundle)
    assert ["pass"] == explorer.verdicts("#answer"), explorer.told("#answer")
    explorer.drop(release=ARTIFACT + b"!", bundle=bundle)
    assert ["fail"] == explorer.verdicts("#answer")
    # Of another log than the page lies beside, which is told as such.
    assert "fail" == explorer.states("#head")[SIGNED]
    assert [] == explorer.failures


@further
def test_new_entries_appear_as_they_come(page: Page, network: ServerProcess) -> None:
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(policy_of(network))
    page.wait_for_selector("#listening:has-text('Listening')")
    index = index_of(submit(network, record(b"that comes late")))
    page.wait_for_selector(f"#newest a[href='#{index}']")
    assert "pass" == explorer.verdicts("#newest")[0]
    assert "consistency of" in "".join(explorer.told("#head"))
    assert [] == explorer.failures


@further
def test_it_is_used_by_keyboard_and_fits_a_telephone(
    page: Page, network: ServerProcess
) -> None:
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(policy_of(network))
    page.focus("#sought")
    page.keyboard.type(digest_of(b"artifact 7").hex())
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer svg")
    assert "answer-title" == page.evaluate("document.activeElement.id")
    assert ["pass"] == explorer.verdicts("#answer")
    for width in (360, 900):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [] == explorer.failures


@further
@pytest.mark.skipif(
    "TLOG_AXE" not in os.environ, reason="npm's axe-core: TLOG_AXE=…/axe.min.js"
)
def test_axe_finds_nothing_serious(page: Page, network: ServerProcess) -> None:
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(policy_of(network))
    explorer.ask("#7")
    page.evaluate(Path(os.environ["TLOG_AXE"]).read_text())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found = page.evaluate("axe.run().then(it => it.violations)")
        serious = [it for it in found if it["impact"] in {"serious", "critical"}]
        assert [] == [(it["id"], it["nodes"][0]["html"]) for it in serious], scheme


@further
def test_without_scripts_it_says_what_it_needs(
    browser: Browser, network: ServerProcess
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{network.url}/")
    assert "needs JavaScript" in page.inner_text("noscript")
    context.close()


@further
def test_by_plain_http_no_signature_is_checked(
    page: Page, network: ServerProcess
) -> None:
    port = network.url.rpartition(":")[2]
    explorer = Explorer(page, f"http://{PLAIN_HOST}:{port}")
    explorer.open()
    explorer.trust(policy_of(network))
    assert page.is_visible("#insecure")
    assert "skip" == explorer.states("#head")[SIGNED]
    assert ["skip"] == explorer.verdicts("#head")
    assert [] == explorer.failures


@further
def test_a_search_that_lies_is_shown_as_what_it_is(
    page: Page, network: ServerProcess
) -> None:
    address = f"#sha256:{digest_of(b'artifact 7').hex()}"
    with lying_about(network.url) as (url, server):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(policy_of(network))
        explorer.ask(address)
        assert ["pass"] == explorer.verdicts("#answer")
        server.lies["/api/v1/search"] = lambda it: it.replace(
            b'"index":7,', b'"index":8,'
        )
        explorer.ask(address)
        assert ["fail"] == explorer.verdicts("#answer")
        assert "fail" == explorer.states("#answer")[NAMES]
        server.lies["/api/v1/search"] = without_hits
        explorer.ask(address)
        assert "0 entries" in page.inner_text("#answer")
        *_, told = explorer.audit()
        assert told.startswith("FAILED: the search for sha256:")
        assert told.endswith("withheld 1: 7")
        assert [] == explorer.failures


@further
def test_a_search_with_more_pages_is_not_called_a_lie(
    page: Page, network: ServerProcess
) -> None:
    document = b"one document of many"
    submit(network, *(record(b"many %d" % it, document) for it in range(130)))
    explorer = Explorer(page, network.url)
    explorer.open()
    explorer.trust(policy_of(network))
    network.wait_until_searchable(430)
    explorer.ask(f"#sha256:{digest_of(document).hex()}")
    assert {"pass"} == set(explorer.verdicts("#answer"))
    assert "more than are shown" in page.inner_text("#answer")
    *_, told = explorer.audit()
    assert told.startswith("proven: the search for"), told
    assert "of 130 entries" in told
    assert [] == explorer.failures


@further
def test_a_policy_of_the_logs_own_is_told_as_such(
    page: Page, network: ServerProcess
) -> None:
    explorer = Explorer(page, network.url)
    explorer.open()
    own = "by the policy that the log itself names"
    page.click("#own-policy")
    page.wait_for_function("document.getElementById('policy').value !== ''")
    for _ in range(2):
        explorer.trust(page.input_value("#policy"))
        explorer.open()
        assert own in "".join(explorer.told("#head"))
    page.click("#forget")
    page.wait_for_selector("#trust-told:has-text('forgotten')")
    page.wait_for_selector("#head:not([aria-busy]) .verdict")
    explorer.open()
    assert "skip" == explorer.states("#head")[SIGNED]
    explorer.trust(policy_of(network) + "# compared with what others know\n")
    assert own not in "".join(explorer.told("#head"))
    assert [] == explorer.failures


def without_hits(answer: bytes) -> bytes:
    return json.dumps({**json.loads(answer), "hits": []}).encode()


@contextmanager
def static_log(folder: Path, size: int) -> Iterator[tuple[str, StaticLog]]:
    """Serve a log and the page below a prefix, as files; give the URL of both."""
    below = folder / "some" / "where"
    below.mkdir(parents=True)
    shutil.copy(PAGE / "index.html", below)
    shutil.copytree(PAGE, below / "explorer")
    log = StaticLog(below)
    log.add([record(b"artifact %d" % it).encode() for it in range(size)])
    log.publish()
    # What stands between lets the browser keep nothing.
    with served_folder(folder) as files, lying_about(files) as (url, _):
        yield f"{url}/some/where", log


@further
def test_beside_the_tiles_of_a_server_of_files_it_proves_the_same(
    page: Page, tmp_path: Path
) -> None:
    with static_log(tmp_path, 600) as (url, _):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(POLICY.decode())
        for index in (0, 255, 256, 511, 512, 599):
            explorer.ask(f"#{index}")
            assert ["pass"] == explorer.verdicts("#answer"), explorer.told("#answer")
        assert "600 entries were read" in explorer.audit()[0]
        explorer.ask(f"#sha256:{'00' * 32}")
        assert "answers no searches" in page.inner_text("#answer")
        assert [] == explorer.failures


@further
def test_each_flipped_byte_is_shown_where_it_is(page: Page, tmp_path: Path) -> None:
    with static_log(tmp_path, 600) as (url, log):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(POLICY.decode())
        lies = {
            "an entry": ("tile/entries/001", 40, "#answer", LEADS),
            "a byte of the record's form": (
                "tile/entries/001",
                5,
                "#answer",
                IS_RECORD,
            ),
            "a hash beside the way": ("tile/0/001", 40, "#answer", LEADS),
            "a hash above": ("tile/0/002.p/88", 1, "#answer", LEADS),
            "the origin": ("checkpoint", 1, "#head", SIGNED),
            "the size": ("checkpoint", len(log.origin) + 2, "#head", SIGNED),
            "the root": ("checkpoint", len(log.origin) + 9, "#head", SIGNED),
            "the signature": ("checkpoint", -9, "#head", SIGNED),
        }
        for what, (path, at, place, title) in lies.items():
            with case(what):
                log.flip(path, at)
                explorer.look_again()
                explorer.ask("#256")
                assert "pass" not in explorer.verdicts(place)
                assert "fail" == explorer.states(place).get(title), explorer.told(place)
                if path != "checkpoint":
                    assert explorer.audit()[0].startswith("FAILED")
                log.flip(path, at)
                explorer.look_again()
                explorer.ask("#256")
                assert ["pass"] == explorer.verdicts("#answer")
        assert [] == explorer.failures


@further
def test_other_heads_are_shown_as_what_they_are(page: Page, tmp_path: Path) -> None:
    with static_log(tmp_path, 300) as (url, log):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(POLICY.decode())
        newest = log.note()
        log.put("checkpoint", log.note(200))
        explorer.look_again()
        assert "an older head, of 200 entries" in "".join(explorer.told("#head"))
        assert "beginning of the same tree" in "".join(explorer.told("#head"))
        assert ["fail"] == explorer.verdicts("#head")
        head = log.head()
        log.put("checkpoint", note(head, OTHER_LOG.line(head)))
        explorer.look_again()
        assert "fail" == explorer.states("#head")[SIGNED]
        log.put("checkpoint", newest)
        explorer.look_again()
        assert ["pass"] == explorer.verdicts("#head")
        log.add([record(b"later").encode()])
        log.publish()
        explorer.look_again()
        assert ["pass"] == explorer.verdicts("#head")
        assert [] == explorer.failures


def test_a_second_history_leaves_evidence_that_others_judge(
    page: Page, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(POLICY)
    with static_log(tmp_path, 300) as (url, log):
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(POLICY.decode())
        first = list(log.entries)
        for size in (300, 310, 290):
            with case(f"a second history of {size} entries"):
                log.entries[:] = first[:100]
                log.add([record(b"fork %d" % it).encode() for it in range(100, size)])
                if size < 300:
                    # Tiles of both histories: each head's own cannot be served at once.
                    other = log.note()
                    log.entries[:] = first
                    log.publish()
                    log.put("checkpoint", other)
                else:
                    log.publish()
                explorer.open()
                assert "CONTRADICTION" in "".join(explorer.told("#head"))
                assert ["fail"] == explorer.verdicts("#head")
                with page.expect_download() as saved:
                    page.click("button:has-text('Save the evidence')")
                evidence = tmp_path / f"evidence{size}"
                saved.value.save_as(evidence)
                command = [sys.executable, "-m", "tlogverify", "--policy", str(policy)]
                judged = warm.run(
                    [*command, "--evidence", evidence], environment=environment()
                )
                assert 0 == judged.returncode, judged.stderr
                explorer.drop(evidence=evidence.read_bytes())
                assert ["pass"] == explorer.verdicts("#answer")
        log.entries[:] = first
        log.publish()
        explorer.open()
        assert ["pass"] == explorer.verdicts("#head")
        assert [] == explorer.failures


@further
def test_a_second_history_counts_without_a_cosignature(
    page: Page, tmp_path: Path
) -> None:
    policy = b"log %s\nwitness w %s\nquorum w\n" % (LOG.vkey, WITNESS.vkey)
    with static_log(tmp_path, 20) as (url, log):
        log.put("checkpoint", log.note(None, WITNESS))
        explorer = Explorer(page, url)
        explorer.open()
        explorer.trust(policy.decode())
        assert ["pass"] == explorer.verdicts("#head")
        # Longer, and of the log's key alone: it is compared, and not kept.
        log.add([record(b"more").encode()])
        log.publish()
        explorer.look_again()
        states = explorer.states("#head")
        assert {
            SIGNED: "pass",
            QUORUM: "fail",
            EXTENDS: "pass",
        }.items() <= states.items()
        log.entries[:] = log.entries[:10]
        log.add([record(b"fork %d" % it).encode() for it in range(15)])
        log.publish()
        explorer.look_again()
        assert "CONTRADICTION" in "".join(explorer.told("#head"))
        assert "tree of 20" in "".join(explorer.told("#head"))
        assert [] == explorer.failures


@further
def test_a_browser_judges_vectors_as_the_verifier_does(
    page: Page, tmp_path: Path
) -> None:
    shutil.copytree(PAGE, tmp_path / "page")
    shutil.copy(JUDGE, tmp_path)
    found = vectors.Vectors()
    for add in (vectors.trees, vectors.policies, vectors.notes, vectors.files):
        add(found)
    vectors.bundles(found, tmp_path)
    (tmp_path / "vectors.json").write_text(json.dumps(found.document()))
    with served_folder(tmp_path) as url:
        page.goto(f"{url}/vectors.json", wait_until="commit")
        verdicts = page.evaluate(
            """async () => {
              const { load, judge } = await import(`${location.origin}/judge.mjs`);
              const found = await (await fetch("/vectors.json")).json();
              return judge(await load(`${location.origin}/page/`), found);
            }"""
        )
    assert [] == differing(found, verdicts)
    # Chromium verifies ML-DSA-44, and so leaves no line of a note unchecked.
    unchecked = {
        it["kind"]
        for it, verdict in zip(found.vectors, verdicts, strict=True)
        if verdict == "unchecked"
    }
    assert unchecked <= {"sigstore"}


@further
def test_a_browser_reads_trees_as_the_oracle_has_them(
    page: Page, tmp_path: Path
) -> None:
    shutil.copytree(PAGE, tmp_path / "page")
    shutil.copy(TREES, tmp_path)
    given = tree_vectors()
    (tmp_path / "trees.json").write_text(json.dumps(given))
    with served_folder(tmp_path) as url:
        page.goto(f"{url}/trees.json", wait_until="commit")
        found = page.evaluate(
            """async () => {
              const { readTrees } = await import(`${location.origin}/trees.mjs`);
              const given = await (await fetch("/trees.json")).json();
              return readTrees(`${location.origin}/page/`, given);
            }"""
        )
    require_read(found, len(given["proofs"]))


@further
def test_what_is_sought_by_key_name_and_package_is_found_and_proven(
    page: Page, tmp_path: Path
) -> None:
    """What a certificate or an SBOM says is grey: the page reads neither."""
    doors = ("--sigstore", "--sigstore-native", "--documents")
    flags = (*doors, "--publish-interval-ms", "0")
    with serving(tmp_path / "log", *flags, origin="localhost") as server:
        identity, issuer = "a@example.org", "https://issuer.example"
        der = certificate(private_key(P256), RFC822Name(identity), issuer=issuer)
        body = body_of(hashedrekord(b"signed by somebody", P256, der))
        headers = {"Content-Type": "application/json"}
        target = f"{server.url}/api/v2/log/entries"
        request = Request(target, body, headers)  # noqa: S310 - a loopback server of ours
        with urlopen(request) as answer:  # noqa: S310 - as above
            signed = int(json.loads(answer.read())["logIndex"])
        (tmp_path / "files").mkdir()
        folder = prepared(tmp_path / "files")
        (folder / "app.bin").write_bytes(b"of packages")
        bom = cyclonedx(b"of packages", "pkg:pypi/sought@1.2")
        (folder / "bom.json").write_text(json.dumps(bom))
        policy = ("--policy", server.folder / "policy", "--log", server.url)
        done = tlog(
            folder,
            *(
                "attest",
                "app.bin",
                "--key",
                "release.key",
                "--sbom",
                "bom.json",
                "--json",
            ),
            *policy,
        )
        assert 0 == done.returncode, done.stderr
        stated = json.loads(done.stdout)["index"]
        server.wait_until_searchable(max(signed, stated) + 1)
        pem = load_pem_public_key((folder / "release.key.pub").read_bytes())
        key = pem.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        explorer = Explorer(page, server.url)
        explorer.open()
        explorer.trust(policy_of(server))
        table = [
            (f"key:sha256:{digest_of(der).hex()}", "key", "pass", signed),
            (f"key:sha256:{digest_of(key).hex()}", "key", "pass", stated),
            (f"identity:{identity}", "identity", "skip", signed),
            (f"issuer:{issuer}", "issuer", "skip", signed),
            ("component:pkg:pypi/sought@1.2", "component", "skip", stated),
        ]
        for address, kind, state, index in table:
            with case(address):
                explorer.ask(f"#{quote(address)}")
                states = explorer.states("#answer")
                assert state == states[f"it names the {kind} that is sought"]
                assert "pass" == states[LEADS]
                assert page.locator(f"#answer h3:has-text('Entry {index}')").count()
        for address in ("identity:b@example.org", "component:pkg:pypi/sought@1.3"):
            with case(address):
                explorer.ask(f"#{quote(address)}")
                assert 0 == page.locator("#answer h3:has-text('Entry')").count()
        assert [] == explorer.failures
