"""The settings of `tlog serve`: the groups of all parts of a log."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tlog.config import SettingsGroup, setting
from tlog.documents.settings import DocumentSettings
from tlog.explorer.settings import ExplorerSettings
from tlog.http.settings import HttpSettings
from tlog.log.admission.settings import AdmissionSettings, SigstoreSettings
from tlog.log.cosigning.settings import CosigningSettings
from tlog.log.proofs.settings import ReadingSettings
from tlog.log.publishing.settings import PublishingSettings
from tlog.log.sequencer.settings import PoolSettings
from tlog.log.storage.settings import SharedSettings
from tlog.log_lines import LogLineSettings
from tlog.tracing import TraceSettings
from tlogverify.errors import FormatError


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(SettingsGroup):
    """Which log this is: where it lies, what it is called, what it signs with."""

    data: Path = setting(Path("tlog-data"), "the log's folder; made if it is new")
    origin: str = setting(
        "",
        "the log's name, such as log.example.org; needed at the first start, "
        "then remembered",
    )
    ed25519_key: str = setting(
        "",
        "where its Ed25519 key is, as file:, pkcs11: or ssh-agent: URI; empty: in the "
        "folder",
    )
    mldsa44: bool = setting(False, "sign heads with ML-DSA-44 too")


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(SettingsGroup):
    """On how many cores of this machine the log answers."""

    workers: int = setting(
        1,
        "front ends, each a process that answers on the same port, beside the one that "
        "writes; 1 is one process for all",
        least=1,
        most=64,
    )


# A dataclass takes its fields from the last base on: read the bases from below, and the
# settings stand in the order in which people are shown them.
@dataclass(frozen=True, kw_only=True)
class LogSettings(
    LogLineSettings,
    TraceSettings,
    DocumentSettings,
    SigstoreSettings,
    CosigningSettings,
    AdmissionSettings,
    ExplorerSettings,
    ReadingSettings,
    PublishingSettings,
    PoolSettings,
    WorkerSettings,
    HttpSettings,
    SharedSettings,
    IdentitySettings,
):
    """All settings of `tlog serve`; FormatError if one is out of bounds.

    A part is given the group that stands beside it, which this is one of.
    """

    variables: ClassVar[str] = "TLOG_"

    @property
    def open_doors(self) -> dict[str, bool]:
        """Whether each door takes entries, or documents, by its name."""
        native = not self.sigstore or self.sigstore_native
        return {
            "native": native and not self.frozen,
            "sigstore": self.sigstore and not self.frozen,
            "documents": self.documents is not False and not self.frozen,
        }

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        super().__post_init__()
        places = (self.documents, self.document_cold)
        if self.database and any(isinstance(it, Path) for it in places):
            raise FormatError(
                "documents of a log that nodes share lie in a bucket, not in a folder "
                "of one node"
            )
        if self.database and self.workers > 1:
            raise FormatError(
                "front ends share one folder: not with a database that nodes share, "
                "where more nodes are the way"
            )
        if self.sigstore and self.prefix:
            raise FormatError(
                "with sigstore the log is at the root of its host, without a prefix",
                self.prefix,
            )
