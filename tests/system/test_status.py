"""`/status` of a log in a real browser: drawn, without script, and nobody is asked.

It wants Debian's chromium (`apt-get install chromium`); without it this is skipped.
"""

from pathlib import Path

import pytest

from tests.support.browser import CHROMIUM, started_browser
from tests.system.load import entry
from tests.system.server import serving
from tlogclient import BlockingLog

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason="Debian's chromium: apt-get install chromium"
)


def test_a_browser_without_script_shows_the_log_and_asks_nobody_else(
    tmp_path: Path,
) -> None:
    with serving(tmp_path / "log") as server:
        with BlockingLog(server.url, server.policy) as log:
            log.submit([entry(str(number)) for number in range(20)])
        server.wait_until_searchable(20)
        look(server.url)


def look(url: str) -> None:
    """Open the page as somebody does who lets no script run."""
    with started_browser() as browser:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        asked: list[str] = []
        told: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: told.append(message.text))
        answer = page.goto(f"{url}/status")
        assert answer is not None
        assert 200 == answer.status
        shown = page.inner_text("body")
        for words in (
            "log.example/system",
            "Takes entries",
            "yes",
            "Heads, in entries",
        ):
            assert words in shown
        assert page.locator("svg").count() >= 3
        signed = page.locator("svg").first.get_attribute("aria-label") or ""
        assert "signed: 20; public: 20; searchable: 20" in signed
        box = page.locator("rect").first.bounding_box()
        assert box is not None
        assert box["width"] > 100
        # The icon is the browser's own wish, which the page's policy refuses.
        assert {f"{url}/status"} == {
            it for it in asked if not it.endswith("/favicon.ico")
        }
        assert [] == told
        context.close()
