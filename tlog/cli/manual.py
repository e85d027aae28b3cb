r"""Write the manual pages of this command and of each verb.

DIR gets `tlog.1` and `tlog-VERB.1`; a folder such as /usr/local/share/man/man1 shows
them to `man tlog`.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tlog import __version__
from tlog.cli.described import Flag, Verb, describe_verbs
from tlog.cli.output import Output
from tlog.cli.verbs import VERBS
from tlog.folders import write_whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="made if it is new")


def run(options: argparse.Namespace) -> int:
    """Write the pages."""
    verbs = describe_verbs()
    options.folder.mkdir(parents=True, exist_ok=True)
    pages = {"tlog.1": tlog_page(verbs)}
    pages |= {f"tlog-{it.name}.1": verb_page(it) for it in verbs}
    for name, page in pages.items():
        write_whole(options.folder / name, "\n".join([*page, ""]).encode())
    output = Output()
    output.tell(f"{options.folder}: {len(pages)} pages")
    output.require()
    return 0


def tlog_page(verbs: Sequence[Verb]) -> Iterator[str]:
    """Return the lines of the page of the command."""
    yield _title("tlog")
    yield ".SH NAME"
    yield _plain("tlog - a transparency log of software provenance")
    yield ".SH SYNOPSIS"
    yield ".B tlog"
    yield _plain("[-h] [--version] VERB ...")
    summaries = {it.name: it.summary for it in verbs}
    for title, group in VERBS.items():
        yield f".SH {title.upper()}"
        for name in group:
            yield ".TP"
            yield f".BR {_escaped(f'tlog-{name}')} (1)"
            yield _plain(summaries[name])


def verb_page(verb: Verb) -> Iterator[str]:
    """Return the lines of the page of a verb."""
    yield _title(f"tlog-{verb.name}")
    yield ".SH NAME"
    yield _plain(f"tlog-{verb.name} - {verb.summary}")
    yield ".SH SYNOPSIS"
    yield _plain(verb.usage)
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(verb.text):
        if number:
            yield ".PP"
        yield _plain(paragraph)
    yield ".SH OPTIONS"
    for flag in verb.flags:
        yield ".TP"
        yield f".B {_escaped(_heading(flag))}"
        yield _plain(flag.help or "-")
    yield ".SH SEE ALSO"
    yield ".BR tlog (1)"


def _title(name: str) -> str:
    return f'.TH {name.upper()} 1 "" "tlog {__version__}" "tlog"'


def _heading(flag: Flag) -> str:
    shown = ", ".join(flag.spellings) or flag.value
    return f"{shown} {flag.value}" if flag.spellings and flag.value else shown


def _plain(text: str) -> str:
    r"""Return a line of text: none that begins with a dot or a quote is a request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")
