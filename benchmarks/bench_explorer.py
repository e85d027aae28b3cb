"""What the explorer costs in a browser: its first view, proofs, and a whole audit."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from playwright.sync_api import Browser

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving
from tests.support.browser import CHROMIUM, Explorer, started_browser

QUESTION: Final = "What does the explorer cost in a browser?"
METHOD: Final = """
    Debian's Chromium, headless, on a log of so many entries on the same machine.  First
    view: a new profile, from asking for the page to the first verdict on the head; the
    bytes are those that were sent of the page's own files.  Proofs: inclusion proofs
    of 200 entries, made of the tiles before, verified again and again for two seconds.
    Audit: the page's button, all bundles and hash tiles, the tree recomputed in a
    worker, until it says so; the tab's CPU is that of its process, and the memory the
    most that it ever had.
"""
FIRST_VIEW_S: Final = 1.0
FIRST_VIEW_KB: Final = 200.0
PROOFS: Final = 1_000.0
AUDIT_S: Final = 60.0

_SENT: Final = """() => performance.getEntriesByType("resource")
  .concat(performance.getEntriesByType("navigation"))
  .filter((it) => /\\/explorer\\/|\\/$/.test(it.name))
  .reduce((sum, it) => sum + it.transferSize, 0)"""

_PROOFS: Final = """async (size) => {
  const { verifyInclusion } = await import("./explorer/verify/merkle.js");
  const { TileTree } = await import("./explorer/tree.js");
  const { leafHash } = await import("./explorer/verify/hashing.js");
  const tree = new TileTree(new URL(".", location.href).href, size);
  const root = await tree.root();
  const proofs = [];
  for (let nth = 0; nth < 200; nth += 1) {
    const at = Math.floor((size * nth) / 200);
    proofs.push([at, leafHash(await tree.entry(at)), await tree.inclusionPath(at)]);
  }
  const start = performance.now();
  let verified = 0;
  while (performance.now() - start < 2000) {
    for (const [at, leaf, path] of proofs) verifyInclusion(at, size, leaf, path, root);
    verified += proofs.length;
  }
  return (verified / (performance.now() - start)) * 1000;
}"""


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 1_000_000, 20_000))
    if not CHROMIUM.exists():
        raise SystemExit("Debian's chromium is missing: apt-get install chromium")
    found: dict[str, list[float]] = {}
    with scratch_folder() as folder, serving(folder) as log:
        log.fill(given.entries)
        policy = (folder / "policy").read_text()
        for _ in range(given.runs):
            with started_browser() as browser:
                for name, value in _measure(browser, log.url, policy, given.entries):
                    found.setdefault(name, []).append(value)
    measures = (
        ("the first view", "s", FIRST_VIEW_S, True),
        ("bytes of the page's files", "KB", FIRST_VIEW_KB, True),
        ("inclusion proofs verified", "/s", PROOFS, False),
        ("an audit of all entries", "s", AUDIT_S, True),
        ("the tab's CPU for it", "s", None, True),
        ("the most memory of the tab", "MiB", None, True),
    )
    Result(
        name="bench_explorer",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure(name, unit, found[name], budget, lower)
            for name, unit, budget, lower in measures
        ],
        settings={"entries": given.entries},
        is_quick=given.quick,
    ).finish()


def _measure(
    browser: Browser, url: str, policy: str, entries: int
) -> Iterator[tuple[str, float]]:
    page = browser.new_context().new_page()
    page.set_default_timeout(600_000)
    explorer = Explorer(page, url)
    start = perf_counter()
    page.goto(f"{url}/")
    page.wait_for_selector("#head .verdict")
    yield "the first view", perf_counter() - start
    yield "bytes of the page's files", page.evaluate(_SENT) / 1_000
    explorer.trust(policy)
    yield "inclusion proofs verified", page.evaluate(_PROOFS, entries)
    before_s = sum(it.cpu_s for it in _tabs())
    start = perf_counter()
    told = explorer.audit()
    yield "an audit of all entries", perf_counter() - start
    tabs = list(_tabs())
    yield "the tab's CPU for it", sum(it.cpu_s for it in tabs) - before_s
    yield "the most memory of the tab", max(it.most_mib for it in tabs)
    assert told
    assert [it for it in told if not it.startswith("proven: ")] == []
    assert explorer.failures == []


class _Tab:
    """A process of Chromium that shows pages; cpu_s, most_mib: until now."""

    def __init__(self, process: Path) -> None:
        fields = (process / "stat").read_text().rpartition(") ")[2].split()
        self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        status = (process / "status").read_text()
        most = re.search(r"VmHWM:\s+(\d+)", status)
        self.most_mib = int(most[1]) / 1024 if most else 0.0


def _tabs() -> Iterator[_Tab]:
    """Return the tabs of this process's browser."""
    ours = {os.getpid()}
    for process in sorted(Path("/proc").glob("[0-9]*"), key=lambda it: int(it.name)):
        try:
            parent = int((process / "stat").read_text().rpartition(") ")[2].split()[1])
            if parent not in ours:
                continue
            ours.add(int(process.name))
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                yield _Tab(process)
        except OSError:
            # It has ended since.
            continue


if __name__ == "__main__":
    main()
