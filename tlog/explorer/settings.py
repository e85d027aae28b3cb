"""Whether a log serves the explorer."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, setting


@dataclass(frozen=True, kw_only=True)
class ExplorerSettings(SettingsGroup):
    """The page at the log's root."""

    explorer: bool = setting(True, "serve the explorer, a page for browsers, at `/`")
