"""What of the release's trial needs no build; `make release-dry-run` runs all."""

import importlib.util
import io
import json
import tarfile
from pathlib import Path
from types import ModuleType

from tests.docs.documents import DOCS
from tests.system.server import run_tlog
from tlogclient.sboms import read_sbom


def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", DOCS / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sdist(time_s: int, names: tuple[str, ...], owner: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            it = tarfile.TarInfo(name)
            it.size, it.mtime, it.uid = len(name), time_s, owner
            archive.addfile(it, io.BytesIO(name.encode()))
    return packed.getvalue()


def test_two_sdists_of_the_same_files_become_equal_and_of_others_do_not() -> None:
    repacked = release().repacked
    one, other = sdist(1, ("a", "b"), 0), sdist(2, ("b", "a"), 7)
    assert one != other
    assert repacked(one, 99) == repacked(other, 99)
    assert repacked(sdist(1, ("a", "c"), 0), 99) != repacked(one, 99)
    with tarfile.open(fileobj=io.BytesIO(repacked(other, 99))) as archive:
        found = {it.name: (it.mtime, it.uid) for it in archive}
        assert {"a": (99, 0), "b": (99, 0)} == found
        assert b"a" == (archive.extractfile("a") or io.BytesIO()).read()


def test_the_sbom_of_a_wheel_is_of_that_wheel_and_names_its_packages(
    tmp_path: Path,
) -> None:
    wheel = tmp_path / "tlog_server-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    packages = {"aiohttp": "3.14.5", "pip": "25", "tlog-client": "1"}
    bom = release().sbom_of(wheel, packages)
    purls = [it["purl"] for it in bom["components"]]
    assert ["pkg:pypi/aiohttp@3.14.5"] == purls
    read_sbom(bom)
    (tmp_path / "bom.json").write_text(json.dumps(bom))
    command = ("attest", wheel, "--sbom", tmp_path / "bom.json", "--dry-run")
    done = run_tlog(*command, "--log", "http://127.0.0.1:9")
    assert 0 == done.returncode, done.stderr
    wheel.write_bytes(b"another wheel")
    assert 0 != run_tlog(*command, "--log", "http://127.0.0.1:9").returncode
