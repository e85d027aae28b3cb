"""Neighbours of several sources made one: what flags give, and what files have.

Clients ask one service of a kind: sigstore-python the last of the first operator's that
is valid, cosign and sigstore-go the one with the newest start.  They are written in
the order in which both find the same.

Source: sigstore-go, `pkg/root/signing_config.go`; sigstore-python 4.5, `models.py`.
"""

from collections.abc import Collection, Iterable, Sequence

from tlog.sigstore.neighbours import Document, Neighbours
from tlog.sigstore.validity import is_asked, start_of
from tlogclient.strictjson import read_object, read_size
from tlogverify.errors import FormatError
from tlogverify.lines import encode_base64

Merged = Sequence[tuple[str, Neighbours]]
"""Of each file, in the order given: its name, and what it has."""


def combine(
    given: Neighbours, merged: Merged, log_ids: Collection[bytes], moment_ns: int
) -> Neighbours:
    """Return what flags and files name together.

    given: what flags name; to sign with, it replaces what files have of its kind.
    Whom to trust is only ever added: old signatures stay to be verified.  log_ids: of
    our own log, which files may have already.  moment_ns: when it shall be used.

    Raises FormatError, naming file and URL, where two logs share an id, or fewer
    timestamp authorities are there than a file asks for.
    """
    files = [found for _, found in merged]
    tsa_urls = _to_sign(given.tsa_urls, (it.tsa_urls for it in files), moment_ns)
    return Neighbours(
        logs=_other_logs(merged, set(map(encode_base64, log_ids))),
        authorities=_each_once(it.authorities for it in (given, *files)),
        ctlogs=_ct_logs(given.ctlogs, merged),
        timestamp_authorities=_each_once(
            it.timestamp_authorities for it in (given, *files)
        ),
        ca_urls=_to_sign(given.ca_urls, (it.ca_urls for it in files), moment_ns),
        oidc_urls=_to_sign(given.oidc_urls, (it.oidc_urls for it in files), moment_ns),
        tsa_urls=tsa_urls,
        tsa_selection=_selection(merged, tsa_urls, moment_ns),
    )


def _other_logs(merged: Merged, own_ids: Collection[str]) -> tuple[Document, ...]:
    # The files that we made before have our own log: as it is now it stands first.
    logs = [
        (path, log)
        for path, found in merged
        for log in found.logs
        if _id_of(log) not in own_ids
    ]
    return _distinct("Rekor", logs, "leave out --keep-logs or this --merge")


def _ct_logs(given: tuple[Document, ...], merged: Merged) -> tuple[Document, ...]:
    own = _distinct("CT", [("--ctlog", log) for log in given], "leave out one --ctlog")
    own_ids = {_id_of(log) for log in own}
    logs = [
        (path, log)
        for path, found in merged
        for log in found.ctlogs
        if _id_of(log) not in own_ids
    ]
    return own + _distinct("CT", logs, "leave out this --merge, or say it by --ctlog")


def _distinct(
    what: str, logs: Iterable[tuple[str, Document]], advice: str
) -> tuple[Document, ...]:
    """Return each log once: clients look them up by id, and would ask one of two."""
    kept: dict[str, Document] = {}
    for path, log in logs:
        first = kept.setdefault(_id_of(log), log)
        if first != log:
            raise FormatError(
                f"{path}: two {what} logs never share an id, {first['baseUrl']} and "
                f"{log['baseUrl']}: {advice}"
            )
    return tuple(kept.values())


def _to_sign(
    given: tuple[Document, ...],
    merged: Iterable[tuple[Document, ...]],
    moment_ns: int,
) -> tuple[Document, ...]:
    """Return services of one kind: the newest operator first, its newest last."""
    if given:
        return given

    def rank(item: Document) -> tuple[bool, int]:
        return is_asked(item, moment_ns), start_of(item)

    ranked = sorted(_each_once(merged), key=rank)
    kept = sorted({it["url"]: it for it in ranked}.values(), key=rank)
    operators = list(dict.fromkeys(it["operator"] for it in reversed(kept)))
    return tuple(sorted(kept, key=lambda it: operators.index(it["operator"])))


def _selection(
    merged: Merged, tsa_urls: tuple[Document, ...], moment_ns: int
) -> Document | None:
    """Return the one rule that is stricter than ANY; None if no file has any."""
    chosen: Document | None = None
    for path, found in merged:
        rule = found.tsa_selection
        if rule is None or rule["selector"] == "ANY":
            continue
        if chosen not in (None, rule):
            raise FormatError(f"{path}: another file has another tsaConfig")
        chosen = rule
        operators = {it["operator"] for it in tsa_urls if is_asked(it, moment_ns)}
        if len(operators) < (count := read_size("count", rule.get("count", 0))):
            raise FormatError(
                f"{path}: tsaConfig wants timestamp authorities of {count} operators",
                len(operators),
            )
    return chosen


def _each_once(many: Iterable[tuple[Document, ...]]) -> tuple[Document, ...]:
    items = [item for some in many for item in some]
    return tuple(
        item for number, item in enumerate(items) if item not in items[:number]
    )


def _id_of(log: Document) -> str:
    """Return a log's id in base64, which has one form; its shape has been checked."""
    return str(read_object("logId", log["logId"])["keyId"])
