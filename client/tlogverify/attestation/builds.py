"""Build types of others: where each of them puts the source of a build.

One row a type.  GitHub's own attestations and npm's have the first two, the builders
of slsa-github-generator the next three.  npm on GitLab writes SLSA v0.2, which is not
read.

A dependency that a row names is a further source, never the only one: in Tekton it is
the word of the task that was run, and a task of anybody's can claim any repository.

Source: each type's own page, at its URI; tektoncd/chains, `docs/predicate/slsa/v2.md`;
GitLab Runner, `PROVENANCE.md`.
"""

import re
from typing import Final, NamedTuple

EVERYWHERE: Final = {"source", "source.uri", "repository", "workflow.repository"}
"""Paths below `externalParameters` of a source, whatever the build type is."""


class BuildType(NamedTuple):
    """The places of a build's source in its provenance.

    uri: a pattern of the whole build type.  source_paths: dotted paths of external
    parameters.  dependencies: names of `resolvedDependencies` that are sources too.
    """

    uri: str
    source_paths: frozenset[str]
    dependencies: frozenset[str] = frozenset()


_WORKFLOW: Final = frozenset({"workflow.repository"})
_CONFIG: Final = frozenset({"buildConfigSource.repository"})
_INPUTS: Final = frozenset({"inputs/result", "input/result"})
_GENERATOR: Final = r"https://github\.com/slsa-framework/slsa-github-generator/"
_GITLAB: Final = r"https://gitlab\.com/gitlab-org/gitlab-runner/-/blob/[^/?#]+/"

BUILD_TYPES: Final = (
    BuildType(r"https://actions\.github\.io/buildtypes/workflow/v1", _WORKFLOW),
    BuildType(
        r"https://slsa-framework\.github\.io/github-actions-buildtypes/workflow/v1",
        _WORKFLOW,
    ),
    BuildType(_GENERATOR + r"delegator-generic@v0", _WORKFLOW),
    BuildType(_GENERATOR + r"delegator-lowperms-generic@v0", _WORKFLOW),
    BuildType(
        r"https://slsa\.dev/container-based-build/v0\.1\?draft",
        frozenset({"source.uri"}),
    ),
    BuildType(
        r"https://cloud\.google\.com/build/gcb-buildtypes/google-worker/v1",
        _CONFIG | {"sourceToBuild.repository"},
    ),
    BuildType(r"https://tekton\.dev/chains/v2/slsa(?:-tekton)?", _CONFIG, _INPUTS),
    BuildType(_GITLAB + r"PROVENANCE\.md", frozenset({"source"})),
)


def build_type_of(uri: str) -> BuildType:
    """Return the row of a build type; of an unknown one, a row that adds nothing."""
    for row in BUILD_TYPES:
        if re.fullmatch(row.uri, uri):
            return row._replace(source_paths=row.source_paths | EVERYWHERE)
    return BuildType("", frozenset(EVERYWHERE))
