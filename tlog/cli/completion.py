"""Print what completes this command in a shell: verbs, flags, and values of few.

For bash `tlog completion bash > /etc/bash_completion.d/tlog`; for zsh a file `_tlog` in
a folder of `fpath`; for fish `~/.config/fish/completions/tlog.fish`.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from tlog.cli.described import Flag, Verb, describe_verbs
from tlog.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument("shell", choices=sorted(SCRIPTS), help="which shell's")


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    output = Output(is_answer=True)
    for line in SCRIPTS[options.shell](describe_verbs()):
        output.tell(line)
    output.require()
    return 0


def bash_script(verbs: Sequence[Verb]) -> Iterator[str]:
    """Return the lines of a completion for bash."""
    names = " ".join(it.name for it in verbs)
    yield "# tlog completion bash"
    yield "_tlog() {"
    yield "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    local words="
    yield '    if [ "$COMP_CWORD" -eq 1 ]; then'
    yield f"        words={_quoted(names + ' --help --version')}"
    yield "    else"
    yield '        case "${COMP_WORDS[1]} $before" in'
    for verb in verbs:
        for flag in verb.flags:
            for spelling in flag.spellings if flag.choices else ():
                at, values = f"{verb.name} {spelling}", " ".join(flag.choices)
                yield f"            {_quoted(at)}) words={_quoted(values)} ;;"
    yield "        esac"
    yield '        case "$words${COMP_WORDS[1]}" in'
    for verb in verbs:
        flags = " ".join(it for flag in verb.flags for it in flag.spellings)
        places = " ".join(
            value for it in verb.flags if not it.spellings for value in it.choices
        )
        if places:
            flags = f"{places} {flags}"
        yield f"            {verb.name}) words={_quoted(flags)} ;;"
    yield "        esac"
    yield "    fi"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield '    if [ "$COMP_CWORD" -gt 1 ] && [ "${word#-}" = "$word" ]; then'
    yield '        COMPREPLY+=($(compgen -f -- "$word"))'
    yield "    fi"
    yield "}"
    yield "complete -o filenames -F _tlog tlog"


def zsh_script(verbs: Sequence[Verb]) -> Iterator[str]:
    """Return the lines of a completion for zsh."""
    yield "#compdef tlog"
    yield "# tlog completion zsh"
    yield "local -a verbs"
    yield "verbs=("
    for verb in verbs:
        yield f"    {_quoted(f'{verb.name}:{verb.summary}')}"
    yield ")"
    yield "if (( CURRENT == 2 )); then"
    yield "    _describe verb verbs"
    yield "    return"
    yield "fi"
    yield "local verb=$words[2]"
    yield "shift words"
    yield "(( CURRENT-- ))"
    yield "case $verb in"
    for verb in verbs:
        yield f"    {verb.name})"
        yield "        _arguments \\"
        for flag in verb.flags:
            for spelling in flag.spellings:
                yield f"            {_quoted(_zsh_flag(spelling, flag))} \\"
        yield "            '*:file:_files'"
        yield "        ;;"
    yield "esac"


def fish_script(verbs: Sequence[Verb]) -> Iterator[str]:
    """Return the lines of a completion for fish."""
    yield "# tlog completion fish"
    for verb in verbs:
        yield (
            f"complete -c tlog -f -n __fish_use_subcommand -a {verb.name} "
            f"-d {_fish(verb.summary)}"
        )
    for verb in verbs:
        seen = _fish(f"__fish_seen_subcommand_from {verb.name}")
        for flag in verb.flags:
            for spelling in flag.spellings:
                kind = "-l" if spelling.startswith("--") else "-s"
                line = f"complete -c tlog -n {seen} {kind} {spelling.lstrip('-')}"
                if flag.choices:
                    line += f" -x -a {_fish(' '.join(flag.choices))}"
                elif flag.value:
                    line += " -r"
                yield f"{line} -d {_fish(flag.help)}"


SCRIPTS: Final[Mapping[str, Callable[[Sequence[Verb]], Iterator[str]]]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
}


def _zsh_flag(spelling: str, flag: Flag) -> str:
    # Brackets and colons divide the parts of what zsh is told.
    told = flag.help.translate({ord(it): f"\\{it}" for it in "[]:\\"})
    line = f"*{spelling}[{told}]"
    if flag.choices:
        return f"{line}:value:({' '.join(flag.choices)})"
    return f"{line}:value:_files" if flag.value else line


def _quoted(text: str) -> str:
    """Return a text in single quotes, as sh and zsh read it."""
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    """Return a text in single quotes, as fish reads it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
