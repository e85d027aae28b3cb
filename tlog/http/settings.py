"""Where a server listens."""

from dataclasses import dataclass

from tlog.config import SettingsGroup, require_address, setting


@dataclass(frozen=True, kw_only=True)
class HttpSettings(SettingsGroup):
    """The address of a log, and the path that its endpoints stand below."""

    listen: str = setting("127.0.0.1:8080", "HOST:PORT; port 0 takes a free one")
    prefix: str = setting("", "URL path that all endpoints stand below, as /log")

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        super().__post_init__()
        require_address(self.listen, self.prefix)
