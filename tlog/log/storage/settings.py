"""Where a log is stored that several nodes share."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tlog.config import SettingsGroup, setting
from tlogverify.errors import FormatError

_DATABASES: Final = ("postgresql", "postgres")
_SECRETS: Final = ("password", "sslpassword")


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

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Raise FormatError, which shows no secret, unless both can be URLs."""
        super().__post_init__()
        if self.database:
            parts = urlsplit(self.database)
            if parts.scheme not in _DATABASES:
                raise FormatError("database is a URL, postgresql://HOST/NAME")
            if parts.netloc.count("@") > 1:
                raise FormatError("an @ in the password of database is written %40")
        if self.objects:
            objects = urlsplit(self.objects)
            if objects.scheme != "s3" or not objects.netloc or "@" in objects.netloc:
                raise FormatError(
                    "objects is a URL without secrets, s3://BUCKET/PREFIX"
                )
            if objects.query or objects.fragment:
                raise FormatError("objects is a bucket and a prefix alone")

    @property
    def holds_password(self) -> bool:
        """Whether the URL of the database has a password in it."""
        parts = urlsplit(self.database)
        names = parse_qs(parts.query, keep_blank_values=True)
        return parts.password is not None or not {*names}.isdisjoint(_SECRETS)
