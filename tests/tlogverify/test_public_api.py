import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import tlogverify
from tests.support.cases import in_one_test

FOLDER = Path(tlogverify.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))

# In order of dependency: a file imports those above it alone.
ORDER = [
    "errors",
    "hashing",
    "lines",
    "files",
    "toml",
    "merkle",
    "inclusions",
    "ranges",
    "tiles",
    "bundles",
    "keys",
    "note",
    "checkpoint",
    "signed",
    "policy",
    "proof",
    "record",
    "rekor",
    "certificates",
    "kinds",
    "artifact",
    "evidence",
    "attestation.members",
    "attestation.signers",
    "attestation.dsse",
    "attestation.statement",
    "attestation.builds",
    "attestation.slsa",
    "attestation.rules",
    "attestation.verify",
    "attestation",
    "sigstore.members",
    "sigstore.entries",
    "sigstore.bundle",
    "sigstore.ed25519ph",
    "sigstore.signers",
    "sigstore.verify",
    "sigstore",
    "__init__",
    "command.telling",
    "command.policies",
    "command.proofs",
    "command.verdicts",
    "command",
    "command.bundles",
    "command.judging",
    "command.running",
    "__main__",
]
USES_CRYPTOGRAPHY = {
    *("keys", "certificates", "attestation.signers", "sigstore.signers"),
}
STANDARD = {
    "argparse",
    "base64",
    "binascii",
    "collections",
    "contextlib",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "os",
    "pathlib",
    "re",
    "sys",
    "tomllib",
    "typing",
}


def _name(file: Path) -> str:
    """Return a file's name below `tlogverify`, the way that imports spell it."""
    parts = file.relative_to(FOLDER).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _imports(file: Path) -> Iterator[str]:
    """Return the modules that a file names in an import, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            yield node.module


def test_the_public_names_are_these() -> None:
    assert tlogverify.__all__ == [
        "Checkpoint",
        "FormatError",
        "Policy",
        "Proof",
        "ProofError",
        "ProvenArtifact",
        "QuorumError",
        "Record",
        "SignatureError",
        "TlogError",
        "VerificationError",
        "VerifierKey",
        "open_checkpoint",
        "parse_verifier_key",
        "verify_artifact",
        "verify_consistency",
    ]
    assert len(tlogverify.__all__) <= 16


def test_every_public_name_is_there_and_nothing_else() -> None:
    modules = {_name(file).partition(".")[0] for file in FILES}
    names = {name for name in vars(tlogverify) if not name.startswith("_")} - modules
    assert set(tlogverify.__all__) == names


@in_one_test("name", tlogverify.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert getattr(tlogverify, name).__doc__


def test_every_file_has_its_place() -> None:
    assert sorted(ORDER) == sorted(_name(file) for file in FILES)


@in_one_test("file", FILES, ids=_name)
def test_a_file_imports_those_above_it_and_little_else(file: Path) -> None:
    above = {f"tlogverify.{name}" for name in ORDER[: ORDER.index(_name(file))]}
    for module in _imports(file):
        package = module.partition(".")[0]
        if module == "tlogverify.attestation":
            assert "attestation" in ORDER[: ORDER.index(_name(file))]
        elif package == "tlogverify":
            assert module in above
        elif package == "cryptography":
            assert _name(file) in USES_CRYPTOGRAPHY
        else:
            assert package in STANDARD


@in_one_test("file", FILES, ids=_name)
def test_only_one_file_touches_the_file_system(file: Path) -> None:
    opening = {"open", "read_bytes", "read_text", "write_bytes", "write_text"}
    calls = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute | ast.Name)
    }
    assert not opening & calls or _name(file) == "files"


def test_importing_it_loads_no_network_and_no_third_package() -> None:
    program = (
        "import sys; before = set(sys.modules); import tlogverify;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(ended.stdout.split())
    assert {"tlogverify", "cryptography"} <= loaded
    assert not loaded & {"socket", "ssl", "asyncio", "http", "aiohttp", "tlog"}
    third = loaded - sys.stdlib_module_names - {"tlogverify", "cryptography"}
    assert third <= {"_cffi_backend", "_openssl"}  # of cryptography


def test_the_types_are_shipped() -> None:
    assert (FOLDER / "py.typed").exists()
