"""From the result files to the tables in README.md.

    python -m benchmarks.report

What stands between the two markers is rewritten; quick results are left out.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from benchmarks.results import RESULTS, show

README: Final = Path(__file__).parent / "README.md"
START: Final = "<!-- results: written by python -m benchmarks.report -->"
END: Final = "<!-- end of results -->"

_VERDICTS: Final = {None: "", True: "yes", False: "**no**"}


def main() -> None:
    """Rewrite the tables."""
    paths = sorted(RESULTS.glob("*.json"))
    documents = [
        json.loads(path.read_text("utf-8"))
        for path in paths
        if not path.name.endswith(".quick.json")
    ]
    text = README.read_text("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{README.name} has lost its markers")
    origins = _origins(documents)
    parts = [start, "", *origins, *_budgets(documents), *_details(documents), end]
    README.write_text(before + "\n".join(parts) + after, "utf-8")
    print(f"{README.name}: {len(documents)} results")


def _origins(documents: list[dict[str, Any]]) -> list[str]:
    """Return the machine and commit that most are of, and what is of another."""
    ((where, commit), _), *_ = Counter(map(_origin, documents)).most_common()
    lines = [f"Measured on {where}, commit {commit}."]
    others = [
        f"{it['name']} ({', '.join(_origin(it))})"
        for it in documents
        if _origin(it) != (where, commit)
    ]
    if others:
        lines.append(f"On another machine or commit: {'; '.join(others)}.")
    return [*lines, ""]


def _origin(document: dict[str, Any]) -> tuple[str, str]:
    machine = document["machine"]
    return (
        f"{machine['cpu']} (model {machine['cpu_model_number']})",
        # Results from before the commit was written down have none.
        document.get("commit", "unknown"),
    )


def _budgets(documents: list[dict[str, Any]]) -> list[str]:
    """Return the table of all figures that have a budget."""
    lines = ["| work | budget | measured | met |", "|---|---|---|---|"]
    for document in documents:
        for it in document["measures"]:
            if it["budget"] is not None:
                bound = "at most" if it["lower_is_better"] else "at least"
                lines.append(
                    f"| {it['what']} | {bound} {show(it['budget'])} {it['unit']} "
                    f"| {show(it['median'])} {it['unit']} | {_VERDICTS[it['met']]} |"
                )
    return [*lines, ""] if len(lines) > 2 else []


def _details(documents: list[dict[str, Any]]) -> list[str]:
    """Return each question with all its figures, and what they were measured on."""
    lines: list[str] = []
    for document in documents:
        lines += [f"### {document['question']}", "", document["method"], ""]
        plot = RESULTS / f"{document['name']}.svg"
        if plot.exists():
            lines += [f"![{document['question']}](results/{plot.name})", ""]
        lines += ["| figure | median | runs |", "|---|---|---|"]
        for it in document["measures"]:
            runs = ", ".join(show(run) for run in it["runs"])
            lines.append(
                f"| {it['what']} | {show(it['median'])} {it['unit']} | {runs} |"
            )
        lines += ["", _circumstances(document), ""]
    return lines


def _circumstances(document: dict[str, Any]) -> str:
    machine, versions = document["machine"], document["versions"]
    where, commit = _origin(document)
    flags = ", ".join(flag for flag, has in machine["flags"].items() if has)
    return (
        f"{document['date']}, commit {commit}; {where} with {flags}; "
        f"{machine['cores']} cores, {machine['memory_mib'] / 1024:.0f} GiB, "
        f"{machine['kernel']}, {machine['file_system']}; {versions['python']}, "
        f"hashing by {versions['hash_backend']}, aiohttp {versions['aiohttp']}, "
        f"uvloop {versions['uvloop']}, cryptography {versions['cryptography']}, "
        f"rocksdict {versions['rocksdict']}, {versions['openssl']}."
    )


if __name__ == "__main__":
    main()
