"""What is judged twice: by `tlogverify`, and by the page's modules in JavaScript.

The documents are signed and built by the oracle and `actors`; a verdict is the name of
an error, or what was accepted.  Documents that are forged name one byte of another one.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.oracle import rfc6962
from tests.support.rekor import KINDS, P256, private_key
from tests.tlogverify.actors import (
    COSIGNATURE,
    HEAD,
    LOG,
    LOG_MLDSA,
    OTHER_LOG,
    WITNESS,
    WITNESS_MLDSA,
    Actor,
    Head,
    note,
    oddly,
)
from tests.tlogverify.documents import ARTIFACT, POLICY_TEXT, Story, entry
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import (
    V02,
    certified,
    encoded,
    of_message,
    of_statement,
    older,
)
from tests.tlogverify.test_evidence import fork
from tests.tlogverify.test_rekor import DSSE, ENTRIES
from tlogverify import Policy, Proof
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.errors import FormatError, TlogError
from tlogverify.evidence import Evidence
from tlogverify.hashing import leaf_hash
from tlogverify.kinds import parse_entry, rekor_digests
from tlogverify.merkle import verify_consistency, verify_inclusion
from tlogverify.record import Record
from tlogverify.sigstore import Bundle, BundleKey, UnjudgedError, verify_bundle

MOST = 300
TREE = rfc6962.Tree(rfc6962.leaf_hashes(MOST + 1))
THIRD = Actor("witness.example/w3", COSIGNATURE, "w3")

# Keys of these sizes take seconds to make, and WebCrypto has no Ed25519ph.
SLOW_OR_LACKING = {
    "PKIX_ED25519_PH",
    "PKIX_RSA_PKCS1V15_3072_SHA256",
    "PKIX_RSA_PKCS1V15_4096_SHA256",
}

Verdict = list[object] | str
Verify = Callable[[], list[object]]


@dataclass
class Vectors:
    """All that is judged; expected: the verdict of `tlogverify` on each vector."""

    hashes: list[bytes] = field(default_factory=list)
    bases: list[bytes] = field(default_factory=list)
    vectors: list[dict[str, Any]] = field(default_factory=list)
    expected: list[Verdict] = field(default_factory=list)
    places: dict[bytes, int] = field(default_factory=dict)

    def hash(self, value: bytes) -> int:
        """Return the place of a hash in the table."""
        if value not in self.places:
            self.places[value] = len(self.hashes)
            self.hashes.append(value)
        return self.places[value]

    def base(self, document: bytes) -> int:
        """Return the place of a document."""
        self.bases.append(document)
        return len(self.bases) - 1

    def add(self, verify: Verify, **vector: object) -> None:
        """Add one vector, and what `tlogverify` says of it."""
        self.vectors.append(vector)
        self.expected.append(verdict_of(verify))

    def add_flips(
        self,
        kind: str,
        document: bytes,
        judge: Callable[[bytes], list[object]],
        bits: tuple[int, ...] = (1,),
        step: int = 1,
        others: Mapping[str, int] = {},
    ) -> None:
        """Add a document as it is, and with its bytes changed, one by one.

        bits: what each is changed by.  step: every so many bytes one is changed.
        """
        base = self.base(document)
        self.add(lambda: judge(document), kind=kind, base=base, **others)
        for at in range(0, len(document), step):
            for bit in bits:
                changed = bytearray(document)
                changed[at] ^= bit
                forged = bytes(changed)
                self.add(
                    lambda forged=forged: judge(forged),  # type: ignore[misc]
                    kind=kind,
                    base=base,
                    at=at,
                    xor=bit,
                    **others,
                )

    def document(self) -> dict[str, object]:
        """Return the values for JSON."""
        return {
            "hashes": [base64.b64encode(it).decode() for it in self.hashes],
            "bases": [base64.b64encode(it).decode() for it in self.bases],
            "vectors": self.vectors,
        }


def verdict_of(verify: Verify) -> Verdict:
    """Return what was accepted, or the name of the error."""
    try:
        return verify()
    except FormatError:
        return "FormatError"
    except TlogError as error:
        return type(error).__name__


def trees(into: Vectors) -> None:
    """Add proofs of trees of all sizes to 300, and each with one change."""
    for size in range(1, MOST + 1):
        root = TREE.root(size)
        for index in _places(size):
            path = TREE.inclusion_path(index, size)
            leaf = TREE.mth(index, index + 1)
            _add_inclusion(into, index, size, leaf, list(path), root)
            for changed in _changes(index + size, path, root):
                _add_inclusion(into, index, size, leaf, *changed)
            _add_inclusion(into, index + 1, size, leaf, list(path), root)
            _add_inclusion(into, index, size + 1, leaf, list(path), root)
        for old in [0, *_places(size), size, size + 1]:
            path = TREE.consistency_path(old, size) if 0 < old <= size else []
            known = TREE.root(old)
            _add_consistency(into, (old, size), list(path), known, root)
            for changed in _changes(old + size, path, root):
                _add_consistency(into, (old, size), changed[0], known, changed[1])
            _add_consistency(into, (old, size), list(path), flip(known, size), root)


def _places(size: int) -> list[int]:
    return [it for it in range(size) if size <= 40 or it % 41 == size % 41]


def _changes(
    salt: int, path: rfc6962.Path, root: bytes
) -> Iterator[tuple[list[bytes], bytes]]:
    siblings = list(path)
    yield siblings, flip(root, salt)
    yield [*siblings, b"\x55" * 32], root
    if siblings:
        at = salt % len(siblings)
        yield [*siblings[:at], flip(siblings[at], salt), *siblings[at + 1 :]], root
        yield siblings[:at] + siblings[at + 1 :], root
        yield [*siblings[:at], siblings[at][:-1], *siblings[at + 1 :]], root


def _add_inclusion(
    into: Vectors, index: int, size: int, leaf: bytes, path: list[bytes], root: bytes
) -> None:
    def verify() -> list[object]:
        verify_inclusion(index, size, leaf, path, root)
        return []

    into.add(
        verify,
        kind="inclusion",
        index=index,
        size=size,
        leaf=into.hash(leaf),
        path=[into.hash(it) for it in path],
        root=into.hash(root),
    )


def _add_consistency(
    into: Vectors, sizes: tuple[int, int], path: list[bytes], old: bytes, new: bytes
) -> None:
    def verify() -> list[object]:
        verify_consistency(*sizes, path, old, new)
        return []

    into.add(
        verify,
        kind="consistency",
        old=sizes[0],
        new=sizes[1],
        path=[into.hash(it) for it in path],
        old_root=into.hash(old),
        new_root=into.hash(new),
    )


def named(actor: Actor) -> bytes:
    """Return the name and the id of a key, as policies name it."""
    return b"+".join(actor.vkey.split(b"+")[:2])


LOGS = b"log %s https://log.example/2026\nlog %s\n" % (LOG.vkey, OTHER_LOG.vkey)
WITNESSES = b"witness w1 %s\nwitness w3 %s http://w.example/\n" % (
    WITNESS.vkey,
    THIRD.vkey,
)
POLICY = LOGS + WITNESSES + b"# why\n\ngroup g 1 w1 w3\ngroup h all g\nquorum h\n"
ALL = POLICY + b"log %s\nwitness m %s\n" % (LOG_MLDSA.vkey, WITNESS_MLDSA.vkey)
RULES = [
    b"",
    b"quorum none",
    b"quorum w1\n",
    b"quorum  w1 \t",
    b"quorum w2\n",
    b"quorum none\nquorum none\n",
    b"group g all\nquorum none\n",
    b"group g 0 w1\nquorum g\n",
    b"group g 2 w1\nquorum g\n",
    b"group g 01 w1\nquorum g",
    b"group g constructor w1\nquorum g\n",
    b"group g toString w1\nquorum g\n",
    b"group none any w1\nquorum none\n",
    b"group w1 any w3\nquorum w1\n",
    b"group g any w1\ngroup h any w1\nquorum h\n",
    b"group g any g\nquorum g\n",
    b"group \xff any w1 w3\nquorum \xff\n",
    b"quorum none\r\n",
    b"quorum none\n\0",
    b"quorum none\n\x85\n",
    b"log x\nquorum none\n",
    b"witness w\nquorum none\n",
    b"log " + LOG.vkey + b"\nquorum none\n",
    b"log " + WITNESS.vkey + b"\nquorum none\n",
    b"witness w4 " + LOG.vkey + b"\nquorum none\n",
    LOG.vkey,
    b"log " + OTHER_LOG.vkey + b" http://\xe9\nquorum none\n",
    b"__proto__ x\n",
    b"#!tlog\nquorum none\n",
    b"#!tlog2 x\nquorum none\n",
    b"#!tlog other\nquorum none\n",
    b"#!tlog retired x 1\nquorum none\n",
    b"#!tlog retired %s 7\nquorum none\n" % named(LOG),
    b"#!tlog retired %s 07\nquorum none\n" % named(LOG),
    b"#!tlog retired %s 7 8\nquorum none\n" % named(LOG),
    b"#!tlog retired %s 7\nquorum none\n" % named(WITNESS),
    2 * (b"#!tlog retired %s 7\n" % named(WITNESS)) + b"quorum none",
]


def policies(into: Vectors) -> None:
    """Add policies, each rule of the grammar broken, and one with each byte changed."""

    def judge(text: bytes) -> list[object]:
        found = Policy.parse(text)
        return [len(found.logs), len(found.witnesses), len(found.groups)]

    for rules in RULES:
        for text in (rules, WITNESSES + rules, LOGS + WITNESSES + rules):
            into.add(
                lambda text=text: judge(text),  # type: ignore[misc]
                kind="policy",
                base=into.base(text),
            )
    into.add_flips("policy", POLICY, judge, bits=(1, 0x20, 0x80))
    into.add(lambda: judge(ALL), kind="policy", base=into.base(ALL))


def notes(into: Vectors) -> None:
    """Add heads that are signed in every way, and one with each byte changed."""
    empty = Head(size=0, root=rfc6962.EMPTY_ROOT)
    extended = Head(extensions=("more", "and more"))
    lines = [LOG.line(HEAD), WITNESS.line(HEAD), THIRD.line(HEAD)]
    wrong = LOG.line(Head(size=6))
    whole = note(HEAD, LOG.line(HEAD), WITNESS.line(HEAD))
    found = [
        whole,
        note(HEAD, *lines),
        note(HEAD, lines[0]),
        note(HEAD, *lines[1:]),
        note(HEAD, lines[0], *lines),
        note(HEAD, wrong, lines[1]),
        note(HEAD, lines[0], WITNESS.line(Head(size=6))),
        note(HEAD, lines[0], oddly(WITNESS.line(HEAD, 1))),
        note(HEAD, OTHER_LOG.line(HEAD), lines[1]),
        note(HEAD, lines[0], lines[1], Actor("stranger", COSIGNATURE).line(HEAD)),
        note(HEAD, lines[0], Actor(WITNESS.name, COSIGNATURE, "false").line(HEAD)),
        note(empty, LOG.line(empty), WITNESS.line(empty)),
        note(Head(size=0), LOG.line(Head(size=0)), WITNESS.line(Head(size=0))),
        note(extended, LOG.line(extended), WITNESS.line(extended)),
        note(HEAD, lines[0], WITNESS.line(HEAD, 2**63)),
        b"",
        b"\n\n",
        whole[:-1],
        whole.replace(b"\n7\n", b"\n07\n"),
        b"\xef\xbb\xbf" + whole,
        whole + b"\n",
    ]
    mldsa = [
        note(HEAD, LOG_MLDSA.line(HEAD), lines[1]),
        note(HEAD, lines[0], lines[1], WITNESS_MLDSA.line(HEAD)),
        note(HEAD, LOG_MLDSA.line(Head(size=6)), lines[1]),
        note(HEAD, lines[0], lines[1], WITNESS_MLDSA.line(Head(size=6))),
        note(extended, LOG_MLDSA.line(HEAD), WITNESS.line(extended)),
    ]
    retired = [
        (
            POLICY + b"#!tlog retired %s %d\n" % (named(it), size),
            found,
        )
        for it in (LOG, WITNESS, THIRD)
        for size in (0, 6, 7, 8)
    ]
    for text, notes_of_it in ((POLICY, found), (ALL, mldsa), *retired):
        policy, place = Policy.parse(text), into.base(text)

        def judge(signed: bytes, policy: Policy = policy) -> list[object]:
            opened = policy.open_checkpoint(signed)
            times = [it.time_s for it in opened.witnesses]
            return [opened.checkpoint.origin, opened.checkpoint.size, times]

        for signed in notes_of_it:
            into.add(
                lambda signed=signed, judge=judge: judge(signed),  # type: ignore[misc]
                kind="note",
                base=into.base(signed),
                policy=place,
            )
        if text is POLICY:
            into.add_flips("note", whole, judge, others={"policy": place})


def files(into: Vectors) -> None:
    """Add proof files, evidence, entries and bundles, each with each byte changed."""
    text = b"log %s\nwitness w1 %s\nquorum w1\n" % (LOG.vkey, WITNESS.vkey)
    policy, place = Policy.parse(text), into.base(text)

    def judge_proof(document: bytes) -> list[object]:
        proof = Proof.parse(document)
        if proof.extra is None:
            return ["no extra"]
        opened = proof.verify(leaf_hash(proof.extra), policy)
        return [proof.index, opened.checkpoint.size]

    def judge_evidence(document: bytes) -> list[object]:
        Evidence.parse(document).verify(policy)
        return []

    into.add_flips(
        "proof", Story().proof.encode(), judge_proof, others={"policy": place}
    )
    into.add_flips(
        "evidence", fork(4, 9).encode(), judge_evidence, others={"policy": place}
    )
    for sizes in ((3, 3), (5, 5), (2, 9)):
        document = fork(*sizes).encode()
        into.add(
            lambda document=document: judge_evidence(document),  # type: ignore[misc]
            kind="evidence",
            base=into.base(document),
            policy=place,
        )
    bundle = encode_bundle([b"one", b"", b"three"])
    into.add_flips(
        "bundle", bundle, lambda it: [len(entry) for entry in parse_bundle(it, 3)]
    )
    subject = hashlib.sha256(b"a").digest()
    into.add_flips(
        "entry", entry(bytes(32), subject), _judge_entry, bits=(1, 0x20, 0x80)
    )
    into.add_flips("entry", DSSE, _judge_entry)
    for known in ENTRIES:
        into.add(
            lambda known=known: _judge_entry(known.encode()),  # type: ignore[misc]
            kind="entry",
            base=into.base(known.encode()),
        )


def _judge_entry(document: bytes) -> list[object]:
    found = parse_entry(document)
    if isinstance(found, Record):
        subjects = [
            f"{name}:{digest.hex()}"
            for subject in found.subjects
            for name in ("sha256", "sha384", "sha512")
            if (digest := getattr(subject, name)) is not None
        ]
        signer = [] if found.signer is None else [f"sha256:{found.signer.hex()}"]
        named = [*subjects, f"sha256:{found.provenance.hex()}", *signer]
        return ["provenance", sorted(named)]
    sizes = {32: "sha256", 48: "sha384", 64: "sha512"}
    digests = [f"{sizes[len(it)]}:{it.hex()}" for it in rekor_digests(found)]
    return [found.kind, sorted(digests)]


SIGNING = [it for it in KINDS if it.details not in SLOW_OR_LACKING]


def bundles(into: Vectors, folder: Path) -> None:
    """Add Sigstore bundles by every kind of key, and two with bytes changed."""
    artifact = folder / "release"
    artifact.write_bytes(ARTIFACT)
    others = {"policy": into.base(POLICY_TEXT), "artifact": into.base(ARTIFACT)}
    policy = Policy.parse(POLICY_TEXT)

    for kind in SIGNING:
        key = private_key(kind).public_key()
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        keys, keyed = [BundleKey.of_pem(pem)], {**others, "key": into.base(pem)}

        def judge(
            document: bytes, keys: Sequence[BundleKey] = tuple(keys)
        ) -> list[object]:
            bundle = Bundle.parse(document)
            # Whose certificate it is, nobody judges here either.
            with suppress(UnjudgedError):
                verify_bundle(artifact, bundle, policy, keys)
            return [bundle.entries[0].index]

        def judge_certified(
            document: bytes, judge: Callable[..., list[object]] = judge
        ) -> list[object]:
            return judge(document, ())

        step = 3 if kind is P256 else 997
        found = [of_message(kind), of_statement(kind=kind)]
        for document in map(encoded, [*found, older(found[0], V02)]):
            into.add_flips("sigstore", document, judge, step=step, others=keyed)
        der = certified(kind)
        found = [of_message(kind, der), of_statement(kind=kind, der=der)]
        for document in map(encoded, found):
            into.add_flips(
                "sigstore", document, judge_certified, step=97, others=others
            )
