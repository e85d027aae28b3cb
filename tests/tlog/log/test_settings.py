"""Settings: which source wins, and where a bad value came from."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import in_one_test
from tlog.config import (
    MAX_FILE_BYTES,
    listen_address,
    load_settings,
    retired_settings,
)
from tlog.log.settings import LogSettings
from tlogverify.errors import FormatError

# For each setting three values, as text and as TOML has them: file, environment, flag.
VALUES: dict[str, list[tuple[Any, object]]] = {
    "data": [("/a", Path("/a")), ("/b", Path("/b")), ("/c", Path("/c"))],
    "origin": [("a.example", "a.example"), ("b.example", "b.example"), ("c", "c")],
    "database": [(it, it) for it in ("postgresql://a/b", "postgres://c/d", "")],
    "objects": [(it, it) for it in ("s3://a", "s3://a/b", "")],
    "durability": [("storage",) * 2, ("database",) * 2, ("storage",) * 2],
    "node_url": [(it, it) for it in ("http://a:80", "https://a/log", "")],
    "takeover_s": [("1", 1), ("5", 5), ("60", 60)],
    "ed25519_key": [(it, it) for it in ("/a/key", "/b/key", "")],
    "listen": [("[::1]:1", "[::1]:1"), ("a:0", "a:0"), ("0.0.0.0:65535",) * 2],
    "prefix": [("/a", "/a"), ("/b/c", "/b/c"), ("", "")],
    "workers": [("1", 1), ("1", 1), ("64", 64)],
    "mldsa44": [("true", True), ("0", False), ("1", True)],
    "publish_interval_ms": [("1", 1), ("0", 0), ("3", 3)],
    "max_pool_entries": [("1", 1), ("2", 2), ("3", 3)],
    "max_pool_bytes": [("1", 1), ("2", 2), ("3", 3)],
    "max_backlog_bytes": [("1", 1), ("2", 2), ("3", 3)],
    "tile_cache_tiles": [("1", 1), ("0", 0), ("3", 3)],
    "scratch_tiles": [("1", 1), ("0", 0), ("3", 3)],
    "event_listeners": [("1", 1), ("0", 0), ("3", 3)],
    "explorer": [("true", True), ("false", False), ("1", True)],
    "tokens_file": [("/a", Path("/a")), ("/b", Path("/b")), ("/c", Path("/c"))],
    "rate_entries_per_s": [("1", 1), ("0", 0), ("3", 3)],
    "rate_burst_entries": [("1", 1), ("2", 2), ("3", 3)],
    "traces": [(it, it) for it in ("http://a/", "http://b/", "http://c/")],
    "trust_forwarded_for": [("true", True), ("false", False), ("TRUE", True)],
    "witness_policy": [("/a", Path("/a")), ("/b", Path("/b")), ("/c", Path("/c"))],
    "witness_interval_ms": [("1", 1), ("2", 2), ("3", 3)],
    "witness_timeout_ms": [("1", 1), ("2", 2), ("3", 3)],
    "witness_wait_ms": [("1", 1), ("0", 0), ("3", 3)],
    "witness_patience_s": [("1", 1), ("0", 0), ("3", 3)],
    "witness_unconfirmed": [("true", True), ("0", False), ("1", True)],
    "witness_overruled": [(["a"], ("a",)), ("a b", ("a", "b")), (["c"], ("c",))],
    "witness_monitoring": [
        (["a=http://a"], ("a=http://a",)),
        ("b=http://b", ("b=http://b",)),
        (["c=https://c"], ("c=https://c",)),
    ],
    "frozen": [("true", True), ("0", False), ("1", True)],
    "sigstore": [("true", True), ("0", False), ("1", True)],
    "sigstore_native": [("true", True), ("0", False), ("1", True)],
    "sigstore_dsse": [("legacy", "legacy"), ("hashedrekord",) * 2, ("reject",) * 2],
    "sigstore_duplicates": [("conflict",) * 2, ("existing",) * 2, ("conflict",) * 2],
    "documents": [("true", True), ("/b", Path("/b")), ("false", False)],
    "document_bytes": [("1", 1), ("2", 2), ("3", 3)],
    "document_cold": [("/a", Path("/a")), ("/b", Path("/b")), ("/c", Path("/c"))],
    "document_index_bytes": [("1", 1), ("0", 0), ("3", 3)],
    "document_pending_bytes": [("1", 1), ("0", 0), ("3", 3)],
    "document_pending_s": [("1", 1), ("2", 2), ("3", 3)],
    "document_scrub_bytes_per_s": [("1", 1), ("0", 0), ("3", 3)],
    "log_format": [("json", "json"), ("text", "text"), ("auto", "auto")],
    "log_level": [("debug", "debug"), ("error", "error"), ("info", "info")],
}

each_setting = in_one_test("name", VALUES)


def toml(folder: Path, text: str) -> Path:
    file = folder / "tlog.toml"
    file.write_text(text, encoding="utf-8")
    return file


def value_in(
    folder: Path, name: str, where: str, nth: int
) -> tuple[LogSettings, object]:
    """Load settings with values in those of file, environment, flags named."""
    texts = [text for text, _ in VALUES[name]]
    # JSON's spelling of a text or a list is TOML's.
    spelled = json.dumps(texts[0])
    if str(texts[0]).isdigit() or str(texts[0]) in {"true", "false"}:
        spelled = str(texts[0])
    settings = load_settings(
        LogSettings,
        {name: texts[2]} if "flag" in where else {},
        {f"TLOG_{name.upper()}": texts[1]} if "environment" in where else {},
        toml(folder, f"{name} = {spelled}\n") if "file" in where else None,
    )
    return settings, VALUES[name][nth][1]


def test_the_table_has_every_setting() -> None:
    assert {field.name for field in fields(LogSettings)} == set(VALUES)


@each_setting
@in_one_test(
    ("where", "winner"),
    [
        ("file", 0),
        ("environment", 1),
        ("flag", 2),
        ("file environment", 1),
        ("file flag", 2),
        ("environment flag", 2),
        ("file environment flag", 2),
    ],
)
def test_flags_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, name: str, where: str, winner: int
) -> None:
    settings, expected = value_in(tmp_path, name, where, winner)
    assert expected == getattr(settings, name)
    plain = LogSettings()
    for field in fields(LogSettings):
        if field.name != name:
            assert getattr(plain, field.name) == getattr(settings, field.name)


def test_without_any_source_all_is_default() -> None:
    assert LogSettings() == load_settings(
        LogSettings, {}, {"PATH": "/bin", "TLOGX": "1"}, None
    )


def test_every_setting_is_explained() -> None:
    for field in fields(LogSettings):
        assert len(field.metadata["help"]) > 10


BAD = [
    ("listen", "8080"),
    ("listen", "localhost"),
    ("listen", ":8080"),
    ("listen", "a:b"),
    ("listen", "a:-1"),
    ("listen", "a:65536"),
    ("listen", "a:" + "9" * 5_000),
    ("listen", "a:８０"),
    ("listen", "[]:80"),
    ("listen", ""),
    ("prefix", "log"),
    ("prefix", "/"),
    ("prefix", "/log/"),
    ("prefix", "/{log}"),
    ("prefix", "/a b"),
    ("prefix", "/a?b"),
    ("prefix", "/a#b"),
    ("prefix", "/a%2fb"),
    ("prefix", "//a"),
    ("prefix", "/a/../b"),
    ("prefix", "/ü"),
    ("mldsa44", "yes"),
    ("mldsa44", "on"),
    ("mldsa44", "2"),
    ("mldsa44", ""),
    ("trust_forwarded_for", "no"),
    ("log_format", "xml"),
    ("log_format", "JSON"),
    ("witness_patience_s", "-1"),
    ("witness_patience_s", "none"),
    ("sigstore_dsse", "DSSE"),
    ("sigstore_duplicates", ""),
    ("witness_interval_ms", "0"),
    ("witness_timeout_ms", "0"),
    ("log_level", "loud"),
    ("log_level", ""),
    *[
        (name, text)
        for name in ("publish_interval_ms", "max_pool_entries", "rate_entries_per_s")
        for text in ("", "-1", "1.5", "1e3", "0x10", "a", "1_0", " 7", "7 ", "+7", "٣")
    ],
    ("max_pool_entries", "0"),
    ("max_backlog_bytes", "0"),
    ("rate_burst_entries", "0"),
    ("tile_cache_tiles", "-1"),
    ("publish_interval_ms", "9" * 5_000),
]


each_source = in_one_test("where", ["file", "environment", "flag"])


def refusal(folder: Path, name: str, text: str, where: str) -> str:
    """Load one bad value from one source; return what the error says."""
    flags = {name: text} if where == "flag" else {}
    environment = {f"TLOG_{name.upper()}": text} if where == "environment" else {}
    file = toml(folder, f'{name} = "{text}"\n') if where == "file" else None
    with pytest.raises(FormatError) as caught:
        load_settings(LogSettings, flags, environment, file)
    return str(caught.value)


@in_one_test(("name", "text"), BAD)
@each_source
def test_a_bad_value_is_refused(
    tmp_path: Path, name: str, text: str, where: str
) -> None:
    assert len(refusal(tmp_path, name, text, where)) < 400


@in_one_test(
    ("name", "text"),
    [
        *[
            ("listen", "8080"),
            ("listen", "a:65536"),
            ("prefix", "log"),
            ("mldsa44", ""),
        ],
        *[("log_format", "xml"), ("log_level", "loud"), ("max_pool_entries", "0")],
        *[("max_pool_entries", "a"), ("tile_cache_tiles", "-1")],
    ],
)
@each_source
def test_the_error_says_where_a_bad_value_stands(
    tmp_path: Path, name: str, text: str, where: str
) -> None:
    place = {
        "file": "tlog.toml",
        "environment": f"TLOG_{name.upper()}",
        "flag": f"--{name.replace('_', '-')}",
    }[where]
    assert place in refusal(tmp_path, name, text, where)


@pytest.mark.parametrize(
    "text",
    [
        *("max_pool_entries = 1.5", "max_pool_entries = true", "mldsa44 = 2"),
        *("max_pool_entries = [1]", "origin = 1", "data = 1", "listen = 8080"),
        *(
            "log_level = false",
            "tokens_file = {}",
            "mldsa44 = []",
            "prefix = 1979-05-27",
        ),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_file(
    tmp_path: Path, text: str
) -> None:
    file = toml(tmp_path, text)
    with pytest.raises(FormatError) as caught:
        load_settings(LogSettings, {}, {}, file)
    assert str(file) in str(caught.value)
    assert text.partition(" ")[0] in str(caught.value)


@pytest.mark.parametrize("text", ["unknown = 1", "[tlog]\norigin = 'a'", "Data = 'a'"])
def test_an_unknown_setting_of_a_file_is_refused(tmp_path: Path, text: str) -> None:
    file = toml(tmp_path, text)
    with pytest.raises(FormatError, match="has an unknown setting") as caught:
        load_settings(LogSettings, {}, {}, file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"=", b"a = 1\na = 2", b"\xff\xfe", b"a = '"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tlog.toml"
    file.write_bytes(content)
    with pytest.raises(FormatError, match="is not TOML") as caught:
        load_settings(LogSettings, {}, {}, file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"a." * 12_000 + b"a = 1", "at most 16 levels"),
        (b"#" * (MAX_FILE_BYTES + 1), f"at most {MAX_FILE_BYTES} bytes"),
    ],
)
def test_a_file_is_measured_before_it_is_parsed(
    tmp_path: Path, content: bytes, why: str
) -> None:
    file = tmp_path / "tlog.toml"
    file.write_bytes(content)
    with pytest.raises(FormatError, match=why) as caught:
        load_settings(LogSettings, {}, {}, file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_settings(LogSettings, {}, {}, tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:80", ("::1", 80)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_an_address_is_a_host_and_a_port(
    listen: str, expected: tuple[str, int]
) -> None:
    assert expected == listen_address(listen)


def test_a_table_of_the_file_stands_before_its_settings_names(tmp_path: Path) -> None:
    file = toml(tmp_path, "[max_pool]\nentries = 7\n[publish]\ninterval_ms = 9\n")
    settings = load_settings(LogSettings, {}, {}, file)
    assert (7, 9) == (settings.max_pool_entries, settings.publish_interval_ms)


def test_a_setting_in_a_table_and_beside_it_is_refused(tmp_path: Path) -> None:
    file = toml(tmp_path, "max_pool_entries = 1\n[max_pool]\nentries = 1\n")
    with pytest.raises(FormatError, match="a setting twice"):
        load_settings(LogSettings, {}, {}, file)


RETIRED = {
    "witness_quorum_lost": ("publish", "write witness_patience_s, the seconds"),
    "witness_demo": ("true", "run tlog witness, and name it in the file of"),
}


@pytest.mark.parametrize("name", RETIRED)
@each_source
def test_a_setting_that_is_gone_says_what_to_write_instead(
    tmp_path: Path, name: str, where: str
) -> None:
    text, advice = RETIRED[name]
    said = refusal(tmp_path, name, text, where)
    assert f": {name} is gone: " in said
    assert advice in said


def test_a_setting_that_is_gone_is_known_in_its_table_too(tmp_path: Path) -> None:
    file = toml(tmp_path, '[witness]\nquorum_lost = "hold"\n')
    with pytest.raises(FormatError, match="witness_quorum_lost is gone: for publish"):
        load_settings(LogSettings, {}, {}, file)


def test_the_table_has_every_setting_that_is_gone() -> None:
    assert set(RETIRED) == retired_settings(LogSettings).keys()


@in_one_test("group", LogSettings.__bases__)
def test_a_group_alone_has_its_own_settings_and_bounds(group: type) -> None:
    known = {it.name: it for it in fields(LogSettings)}
    made = group()
    for it in fields(made):
        assert known[it.name].default == getattr(made, it.name)
        if (least := it.metadata["least"]) is not None:
            group(**{it.name: least})
            with pytest.raises(FormatError, match=f"{it.name} is at least {least}"):
                group(**{it.name: least - 1})


def test_each_setting_is_of_one_group() -> None:
    of_groups = [it.name for group in LogSettings.__bases__ for it in fields(group)]
    assert sorted(of_groups) == sorted(VALUES)


@in_one_test(
    ("setting", "value"),
    [
        ("database", "mysql://db.example/log"),
        ("database", "postgresql://tlog:a@secret@db.example/log"),
        ("objects", "/var/lib/tlog"),
        ("objects", "s3://"),
        ("objects", "s3://key:secret@bucket/logs"),
        ("objects", "s3://bucket/logs?secret=a"),
        ("durability", "none"),
        ("node_url", "a:80"),
        ("node_url", "http://"),
        ("node_url", "http://user@a"),
        ("node_url", "http://a?b"),
        ("takeover_s", 0),
    ],
)
def test_a_setting_of_shared_stores_is_refused_and_no_secret_shown(
    setting: str, value: object
) -> None:
    with pytest.raises(FormatError) as refused:
        replace(LogSettings(), **{setting: value})  # type: ignore[arg-type]  # wrong on purpose
    assert "secret@" not in str(refused.value)
    assert "secret=a" not in str(refused.value)


def test_documents_of_a_log_that_nodes_share_lie_in_a_bucket() -> None:
    database, folder = "postgresql://db.example/log", Path("documents")
    for place in (True, "s3://bucket/prefix"):
        LogSettings(database=database, documents=place, document_cold="s3://cold")
        LogSettings(documents=place, document_cold=folder)
    for places in ({"documents": folder}, {"document_cold": folder}):
        LogSettings(**places)  # type: ignore[arg-type]  # each by its field
        with pytest.raises(FormatError, match="lie in a bucket"):
            LogSettings(database=database, **places)  # type: ignore[arg-type]  # as above


def test_a_place_is_a_folder_or_a_bucket_alone() -> None:
    for text, expected in (
        ("true", True),
        ("false", False),
        ("my/documents", Path("my/documents")),
        ("s3://bucket/a/b", "s3://bucket/a/b"),
    ):
        found = load_settings(LogSettings, {"documents": text}, {}, None)
        assert expected == found.documents
    for text in ("s3://", "s3://key:hidden@bucket", "s3://bucket?x=y", "s3://["):
        with pytest.raises(FormatError) as refused:
            load_settings(LogSettings, {"document_cold": text}, {}, None)
        assert "hidden" not in str(refused.value)
