"""The page's files as the log serves them: whole, typed, and with nothing else."""

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.http import ask
from tests.support.running import running_log

PAGE = Path(__file__).parents[3] / "tlog" / "explorer" / "page"
SERVED = {".html", ".css", ".js", ".svg"}


@pytest.mark.parametrize("prefix", ["", "/a/log"])
async def test_every_file_that_the_page_names_is_served(
    tmp_path: Path, prefix: str
) -> None:
    async with running_log(tmp_path, prefix=prefix) as (url, _):
        waiting, seen = ["/"], {}
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            answer = await ask(url, path)
            assert 200 == answer.status, path
            seen[path] = answer.body.decode()
            named = re.findall(r'(?:src|href)="([a-z][^"]*)"', seen[path])
            if path.endswith(".js"):
                named = re.findall(r'(?:from|import\(?) ?"(\.[^"]+)"', seen[path])
                named += re.findall(r'new URL\("([^"]+\.js)"', seen[path])
            waiting += [urljoin(path, it) for it in named]
        files = {it for it in PAGE.rglob("*") if it.suffix in SERVED and it.is_file()}
        assert len(files) == len(seen)


async def test_a_file_has_its_type_and_a_strict_policy(tmp_path: Path) -> None:
    async with running_log(tmp_path) as (url, _):
        for path, kind in (("/", "text/html"), ("/explorer/app.js", "text/javascript")):
            answer = await ask(url, path)
            headers = answer.headers
            assert kind == answer.media_type
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self';")
            assert "unsafe" not in policy
            assert "nosniff" == headers["x-content-type-options"]
            assert "no-cache" == headers["cache-control"]
            again = await ask(url, path, headers={"If-None-Match": headers["etag"]})
            assert (304, b"") == (again.status, again.body)
            packed = await ask(url, path, headers={"Accept-Encoding": "br, gzip"})
            assert "gzip" == packed.headers["content-encoding"]
            assert answer.body == gzip.decompress(packed.body)
            assert headers["etag"] != packed.headers["etag"]


async def test_nothing_else_of_the_folder_is_served(tmp_path: Path) -> None:
    others = ["index.html", "vendor/SHA256SUMS", "vendor/README.md", "../door.py"]
    others += ["verify", "verify/", "%2e%2e/door.py", "vendor/noble-hashes/sha2.d.ts"]
    async with running_log(tmp_path) as (url, _):
        for path in others:
            assert 404 == (await ask(url, f"/explorer/{path}")).status, path


async def test_a_log_can_be_without_it(tmp_path: Path) -> None:
    async with running_log(tmp_path, explorer=False) as (url, _):
        for path in ("/", "/explorer/app.js"):
            assert 404 == (await ask(url, path)).status


def test_the_page_names_every_module_that_its_first_view_needs() -> None:
    """Named there they are fetched at once; found by imports, one after the other."""
    needed, waiting = set[Path](), [PAGE / "app.js"]
    while waiting:
        module = waiting.pop()
        found = re.findall(r'(?m)^(?:import|}) [^"]*"(\.[^"]+)";', module.read_text())
        fresh = {(module.parent / it).resolve() for it in found} - needed
        needed |= fresh
        waiting += fresh
    named = re.findall(r'modulepreload" href="explorer/([^"]+)"', _index())
    assert sorted(str(it.relative_to(PAGE)) for it in needed) == named


def _index() -> str:
    return (PAGE / "index.html").read_text()


def test_the_page_has_no_inline_script_or_style_and_the_same_policy() -> None:
    text = _index()
    assert [] == re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text)
    assert [] == re.findall(r"https?://", text)
    told = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert ["default-src 'none'"] == [it.partition(";")[0] for it in told]
