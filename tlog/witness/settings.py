"""The settings of `tlog witness`."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tlog.config import require_address, require_bounds, setting
from tlog.log_lines import LOG_FORMATS, LOG_LEVELS
from tlog.witness.roster import MAX_QPD, parse_logs
from tlogverify.keys import KeyType, require_key_name

KEY_TYPES = {
    "both": (KeyType.COSIGNATURE, KeyType.MLDSA44),
    "ed25519": (KeyType.COSIGNATURE,),
    "mldsa44": (KeyType.MLDSA44,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSettings:
    """All settings of `tlog witness`; FormatError if one is out of bounds."""

    variables: ClassVar[str] = "TLOG_WITNESS_"

    data: Path = setting(
        Path("witness-data"), "the witness's folder; made if it is new"
    )
    name: str = setting(
        "",
        "the witness's name, such as witness.example.org/w1; needed at the first "
        "start, then remembered",
    )
    listen: str = setting("127.0.0.1:8081", "HOST:PORT; port 0 takes a free one")
    prefix: str = setting("", "URL path that all endpoints stand below, as /witness")
    keys: str = setting(
        "both",
        "what it signs with: ed25519, mldsa44 or both",
        choices=("ed25519", "mldsa44", "both"),
    )
    ed25519_key: str = setting(
        "",
        "where its Ed25519 key is, as file:, pkcs11: or ssh-agent: URI; empty: in the "
        "folder",
    )
    ed25519_second_key: str = setting(
        "",
        "a second Ed25519 key that cosigns too, while it takes over from the first: a "
        "file or a URI",
    )
    mldsa44_second_key: str = setting(
        "",
        "a second ML-DSA-44 key, likewise: a file",
    )
    unused_keys: bool = setting(
        False, "the keys that lie in the folder have never signed: start with them"
    )
    log: tuple[str, ...] = setting(
        (), "verifier keys of logs to cosign for; several of one name are one log's"
    )
    log_list: str = setting(
        "", "a file or URL of logs (logs/v0); its new logs are added, none is removed"
    )
    log_list_interval_s: int = setting(
        3_600, "how often the list of logs is read", least=1
    )
    qpd: int = setting(
        200_000,
        "cosignatures a day for each log whose list states no other number",
        least=1,
        most=MAX_QPD,
    )
    log_format: str = setting(
        "auto",
        "json, text, or auto: text on a terminal",
        choices=LOG_FORMATS,
    )
    log_level: str = setting(
        "info", "debug, info, warning or error", choices=LOG_LEVELS
    )

    def __post_init__(self) -> None:
        require_bounds(self)
        require_address(self.listen, self.prefix)
        if self.name:
            require_key_name(self.name)
        parse_logs(self.log, qpd=1)
