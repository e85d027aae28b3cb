"""Where a log is stored that several nodes share."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tlog.config import SettingsGroup, require_bucket_url, setting
from tlogverify.errors import FormatError

_DATABASES: Final = ("postgresql", "postgres")
_SECRETS: Final = ("password", "sslpassword")
_NO_URL: Final = "database is a URL, postgresql://HOST/NAME"


@dataclass(frozen=True, kw_only=True)
class SharedSettings(SettingsGroup):
    """A database and a bucket, or neither: then the log is its folder alone."""

    database: str = setting(
        "",
        "postgresql://HOST/NAME: commit to this database, which other nodes share; "
        "needs objects too",
    )
    objects: str = setting(
        "", "s3://BUCKET/PREFIX: publish to this bucket; needs database too"
    )
    durability: str = setting(
        "database",
        "who keeps a commit if the database's machine is lost: database, by a standby "
        "that is synchronous; storage, by what lies below the database",
        choices=("database", "storage"),
    )
    takeover_s: int = setting(
        5,
        "within how many seconds another node takes over from one that has fallen "
        "silent",
        least=1,
        most=3_600,
    )

    node_url: str = setting(
        "",
        "the URL by which other nodes reach this one; empty: by the host and port of "
        "listen, or this machine's name where that is all addresses",
    )

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Raise FormatError, which shows no secret, unless both can be URLs."""
        super().__post_init__()
        if self.database:
            try:
                parts = urlsplit(self.database)
            except ValueError:
                # Not from it: what cannot be taken apart may hold a password.
                raise FormatError(_NO_URL) from None
            # Behind one slash libpq reads another form, and its errors show all of it.
            start = f"{parts.scheme}://"
            if parts.scheme not in _DATABASES or not self.database.startswith(start):
                raise FormatError(_NO_URL)
            if parts.netloc.count("@") > 1:
                raise FormatError("an @ in the password of database is written %40")
        if self.node_url:
            self._require_node_url()
        if self.objects:
            require_bucket_url("objects", self.objects)

    def _require_node_url(self) -> None:
        node = urlsplit(self.node_url)
        if node.scheme not in {"http", "https"} or not node.hostname:
            raise FormatError("node_url is a URL, http://HOST:PORT/PREFIX")
        if "@" in node.netloc or node.query or node.fragment:
            raise FormatError("node_url is a host, a port and a prefix alone")

    @property
    def holds_password(self) -> bool:
        """Whether the URL of the database has a password in it."""
        parts = urlsplit(self.database)
        names = parse_qs(parts.query, keep_blank_values=True)
        return parts.password is not None or not {*names}.isdisjoint(_SECRETS)
