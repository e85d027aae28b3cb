"""The verbs by name, and the loader of the module that one of them needs.

No verb's module and no parser is loaded here, because `tlog --help` reads this table.
"""

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Final

VERBS: Final[Mapping[str, Mapping[str, str]]] = {
    "roles that run": {
        "serve": "Serve a log from a folder.",
        "witness": "Cosign the heads of logs that extend what was cosigned before.",
        "monitor": "Follow a log: recompute its tree, look for what is watched, tell "
        "what is wrong.",
        "gate": "Answer whether artifacts may be deployed, for Kubernetes and all "
        "others.",
    },
    "what people ask of a log": {
        "submit": "Submit files: hash, submit, verify the answers, write a proof file "
        "for each.",
        "attest": "Attest files: make a signed in-toto statement over them, log it, "
        "keep the proof.",
        "backfill": "Backfill records of artifacts whose builds nobody watched, and "
        "say that in each.",
        "verify": "Verify an artifact offline, by its proof file and a policy.",
        "rebuild-check": "Rebuild an artifact from its attested source, and compare "
        "what comes out.",
        "rules": "Check rules, or try the cases that lie beside them.",
        "attach": "Attach a document to an image: a proof, a signed envelope, a "
        "bundle, or any file.",
        "discover": "Discover what is attached to an image, from every place that "
        "tools keep it.",
        "search": "Search a log for a digest, a key, a name or a package; each hit is "
        "verified first.",
        "get": "Get an entry of a log by its index, with the proof that it is there.",
        "head": "Tell a log's head: its size, its root, and who signed it.",
        "prove": "Prove that a log only grew: that its tree of one size extends that "
        "of another.",
    },
    "what operators do": {
        "gate-manifest": "Print all that a cluster needs to ask a gate, as YAML.",
        "gate-decide": "Ask a gate whether an artifact may be deployed.",
        "coverage": "Tell which artifacts have provenance in a log, and which have "
        "none.",
        "fsck": "Verify a whole log folder from its bytes.",
        "rebuild": "Write a stopped log's hash tiles and search index anew, from its "
        "bundles.",
        "migrate": "Migrate a stopped log between its folder and stores that nodes "
        "share.",
        "backup": "Back up a log's folder while the log runs: what is new is copied "
        "and proven.",
        "restore": "Restore a log's folder from a backup, once its witnesses have "
        "been asked.",
        "documents": "Look after the documents that a log keeps: find, list, get, "
        "index, prune, redact.",
        "keygen": "Make a key: the private half in a file of mode 0600, the public "
        "half printed.",
        "rotate-key": "Change the key of a log under one origin: join, retire, revoke.",
        "sigstore-try": "Start stand-ins of what Sigstore's clients need beside a log, "
        "for trial only.",
        "token": "Make, list and remove the bearer tokens of a log, in a file that it "
        "reads anew.",
        "completion": "Print what completes this command in a shell: verbs, flags, and "
        "values of few.",
        "manual": "Write the manual pages of this command and of each verb.",
        "sigstore-config": "Write what Sigstore's clients need to use a log: trust, "
        "and where to submit.",
        "sigstore-resign": "Sign the timestamp of a TUF repository again, before it "
        "expires.",
    },
}
"""Groups of verbs, and of each verb its summary: the first line of its docstring."""

NAMES: Final = tuple(name for group in VERBS.values() for name in group)


def load(name: str) -> ModuleType:
    """Import the module of a verb, or another of `tlog.cli`, and return it."""
    # The one import that is not a statement at the top of a file: the decision record
    # 0020 says why.
    return importlib.import_module(f"tlog.cli.{name.replace('-', '_')}")
