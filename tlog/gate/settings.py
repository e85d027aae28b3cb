"""The settings of `tlog gate`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, cast, get_args

from tlog.config import listen_address, require_address, require_bounds, setting
from tlog.log_lines import LOG_FORMATS, LOG_LEVELS
from tlog.tracing import TRACES_HELP
from tlogclient.network import is_loopback
from tlogverify.errors import FormatError

Mode = Literal["enforce", "warn", "audit"]
"""What a verdict does: refuses, warns, or is looked at later."""

MODES: Final = get_args(Mode)
MAX_DEADLINE_MS: Final = 29_000
"""Below the longest `timeoutSeconds` that Kubernetes takes, which is 30."""

_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Override:
    """What holds for one namespace, whatever its label says; environment: "" the usual.

    In settings it is NAMESPACE=MODE or NAMESPACE=MODE:ENVIRONMENT.
    """

    mode: Mode
    environment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """All settings of `tlog gate`; FormatError if one is out of bounds."""

    variables: ClassVar[str] = "TLOG_GATE_"

    rules: tuple[str, ...] = setting(
        (), "files of rules: FILE, or ENVIRONMENT=FILE for one environment alone"
    )
    environment: str = setting(
        "default", "the environment of who names none, and of FILE without one"
    )
    policy: Path | None = setting(
        None, "the policy file: which logs and witnesses are trusted"
    )
    trusted_root: Path | None = setting(
        None, "a Sigstore trusted root, for bundles and certificates"
    )
    documents: Path | None = setting(
        None, "a folder of envelopes with their proofs, and of bundles"
    )
    log: str = setting("", "the URL of a log whose attestations are asked for")
    traces: str = setting("", TRACES_HELP)
    log_bundles: bool = setting(
        False, "ask that log for Sigstore bundles too, as clients of GitHub's do"
    )
    store: Path | None = setting(
        None,
        "a log's own folder, searched before the log is asked; or its folder of "
        "documents, with --log or --monitor",
    )
    monitor: Path | None = setting(
        None, "the state folder of a monitor of that log, searched before it is asked"
    )
    log_wait_ms: int = setting(
        1_500,
        "how long the log may take to answer, or a search of its entries here",
        least=1,
        most=MAX_DEADLINE_MS,
    )
    log_token_file: Path | None = setting(
        None, "a file with the bearer token for entries of break-glass"
    )
    registry: bool = setting(
        False, "look in the image's own registry too, after all others"
    )
    registry_wait_ms: int = setting(
        1_500, "how long a registry may take to answer", least=1, most=MAX_DEADLINE_MS
    )
    plain_http: bool = setting(
        False, "speak to a registry on another machine without TLS"
    )
    ca_file: Path | None = setting(
        None, "authorities for https to log and registry, in place of the system's"
    )
    ask: str = setting(
        "until-allowed",
        "ask sources until-allowed, or all of them",
        choices=("until-allowed", "all"),
    )
    resolve: bool = setting(
        False, "ask the registry for the digest of an image that is named by a tag"
    )
    deadline_ms: int = setting(
        2_500,
        "when there is an answer at the latest; below the webhook's timeoutSeconds",
        least=1,
        most=MAX_DEADLINE_MS,
    )
    undecided: str = setting(
        "deny",
        "the answer where nothing could be decided: deny or allow",
        choices=("deny", "allow"),
    )
    namespaces: tuple[str, ...] = setting(
        (),
        "NAMESPACE=MODE or NAMESPACE=MODE:ENVIRONMENT, whatever its label says; a mode "
        "is enforce, warn or audit",
    )
    checks: int = setting(
        256, "artifacts that are judged at once", least=1, most=100_000
    )
    cache_verdicts: int = setting(
        10_000, "verdicts in the cache; 0 keeps none", least=0, most=10_000_000
    )
    allowed_s: int = setting(
        600,
        "how long an allowed verdict is kept where more than the folder was asked",
        least=0,
    )
    refused_s: int = setting(5, "how long a refused verdict is kept", least=0)
    break_glass_s: int = setting(
        3_600, "how long a use of break-glass says that it holds", least=1
    )
    break_glass_unlogged: str = setting(
        "allow",
        "a use of break-glass that the log does not take at once: allow or deny",
        choices=("allow", "deny"),
    )
    spool: Path | None = setting(
        None, "the folder of uses of break-glass; without one none is allowed"
    )
    vsa_key: str = setting(
        "", "the key that signs verification summaries: a file of tlog keygen, or a URI"
    )
    verifier: str = setting("", "the URI by which summaries name this gate")
    certificate: Path | None = setting(
        None, "the certificate chain for https, in PEM; read again when it changes"
    )
    certificate_key: Path | None = setting(
        None, "the private key of the certificate, in PEM"
    )
    client_authorities: Path | None = setting(
        None,
        "authorities of clients, in PEM: who shows no certificate of theirs may ask "
        "for health and metrics alone",
    )
    listen: str = setting("127.0.0.1:8443", "HOST:PORT; port 0 takes a free one")
    prefix: str = setting("", "URL path that all endpoints stand below, as /gate")
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
        require_environment(self.environment)
        parse_namespaces(self.namespaces)
        for it in self.rules:
            parse_rules_file(it, self.environment)

    def require_whole(self) -> None:
        """Raise FormatError for settings that go together and do not stand together.

        Each alone is fine, so the constructor, which reads one at a time, cannot tell.
        """
        if not self.rules:
            raise FormatError("--rules FILE is needed: what must hold")
        if self.policy is None and self.trusted_root is None:
            raise FormatError("--policy FILE is needed: whom to trust")
        self._require_environments()
        self._require_place()
        if self.log_bundles and not self.log:
            raise FormatError("--log-bundles needs --log")
        if self.log and self.policy is None:
            raise FormatError("--log needs --policy: its answers are verified")
        self._require_entries()
        if bool(self.vsa_key) != bool(self.verifier):
            raise FormatError("--vsa-key and --verifier go together")

    def _require_entries(self) -> None:
        if self.store is not None and self.policy is None:
            raise FormatError("--store needs --policy: its entries are verified")
        if self.monitor is not None and (self.store is None or self.policy is None):
            raise FormatError(
                "--monitor needs --store and --policy: it has entries alone"
            )

    def _require_environments(self) -> None:
        files = rules_files(self)
        wanted = [it.environment for it in parse_namespaces(self.namespaces).values()]
        for environment in (self.environment, *filter(None, wanted)):
            if environment not in files:
                raise FormatError(
                    "every environment that is named has rules: --rules "
                    "ENVIRONMENT=FILE",
                    environment,
                )

    def _require_place(self) -> None:
        if (self.certificate is None) != (self.certificate_key is None):
            raise FormatError("--certificate and --certificate-key go together")
        if self.client_authorities is not None and self.certificate is None:
            raise FormatError("--client-authorities needs --certificate")
        if self.certificate is None and not is_loopback(listen_address(self.listen)[0]):
            raise FormatError(
                "without --certificate a gate listens on loopback alone", self.listen
            )


def require_environment(text: str) -> str:
    """Return the name of an environment; FormatError for what is none."""
    if _ENVIRONMENT.fullmatch(text) is None:
        raise FormatError("an environment is 1 to 64 of A-Z a-z 0-9 . _ -", text)
    return text


def parse_rules_file(text: str, default: str) -> tuple[str, Path]:
    """Return the environment and the path of one value of --rules."""
    environment, equals, path = text.partition("=")
    if not equals or _ENVIRONMENT.fullmatch(environment) is None:
        return default, Path(text)
    return environment, Path(path)


def rules_files(settings: GateSettings) -> Mapping[str, Path]:
    """Return the files by environment; FormatError for one that has two."""
    found: dict[str, Path] = {}
    for it in settings.rules:
        environment, path = parse_rules_file(it, settings.environment)
        if environment in found:
            raise FormatError("an environment has one file of rules", environment)
        found[environment] = path
    return found


def parse_namespaces(values: Sequence[str]) -> dict[str, Override]:
    """Return what holds for namespaces by their names; raises FormatError."""
    found: dict[str, Override] = {}
    for value in values:
        name, _, rest = value.partition("=")
        mode, colon, environment = rest.partition(":")
        if _NAMESPACE.fullmatch(name) is None or mode not in MODES or name in found:
            raise FormatError(
                "namespaces are NAMESPACE=MODE or NAMESPACE=MODE:ENVIRONMENT, each "
                "once",
                value,
            )
        if colon:
            require_environment(environment)
        found[name] = Override(cast(Mode, mode), environment)
    return found
