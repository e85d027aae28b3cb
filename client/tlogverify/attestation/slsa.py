"""SLSA provenance v1: the members that a verifier needs, and no others.

Unknown members are passed over.  The source is read from `externalParameters`, where
the build's type puts it: `tlogverify.attestation.builds`.  A URI among
`resolvedDependencies` may be any library's, and would let a build of something else
pass that only used the expected repository.  Some build types name the dependency that
is the source; it counts beside the source in the parameters, never instead of it.

Source: SLSA provenance v1, "Schema" and "Parsing rules".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tlogverify.attestation.builds import build_type_of
from tlogverify.attestation.members import array_member, object_member, optional_text
from tlogverify.errors import FormatError

PROVENANCE_TYPE: Final = "https://slsa.dev/provenance/v1"
MAX_DEPENDENCIES: Final = 65_536

_RULE: Final = "provenance"
_MAX_DEPTH: Final = 8
_MAX_PATH_CHARS: Final = 1024


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a build platform says of one build.

    parameters: each external parameter by its dotted path, in order; a dot or backslash
    within a name has a backslash before it; a value that is no string is "", which no
    string value is.  source_paths: the paths among them that are the source's.
    sources: the URIs at these paths, in order, then those of the dependencies that the
    build type names; dependencies count only if a path has a URI.  invocation: "" if
    the platform names none.
    """

    builder: str
    build_type: str
    parameters: tuple[tuple[str, str], ...]
    source_paths: frozenset[str]
    sources: tuple[str, ...]
    invocation: str


def read_provenance(predicate: Mapping[str, object]) -> Provenance:
    """Read a predicate; FormatError unless it has a builder, a build type, parameters.

    Those three are what SLSA requires from Build level 1 on.
    """
    definition = object_member(_RULE, predicate, "buildDefinition")
    details = object_member(_RULE, predicate, "runDetails")
    builder = optional_text("a builder", object_member(_RULE, details, "builder"), "id")
    build_type = optional_text(_RULE, definition, "buildType")
    if not builder or not build_type:
        raise FormatError(f"{_RULE} has a builder.id and a buildType")
    external = object_member(_RULE, definition, "externalParameters")
    parameters = tuple(_flatten(external, "", _MAX_DEPTH))
    metadata = object_member(_RULE, details, "metadata")
    row = build_type_of(build_type)
    sources = tuple(value for path, value in parameters if path in row.source_paths)
    if sources and row.dependencies:
        sources += tuple(_git_dependencies(definition, row.dependencies))
    return Provenance(
        builder,
        build_type,
        parameters,
        row.source_paths,
        sources,
        optional_text(_RULE, metadata, "invocationId"),
    )


def _git_dependencies(
    definition: Mapping[str, object], names: frozenset[str]
) -> Iterator[str]:
    if definition.get("resolvedDependencies") is None:
        return
    for it in array_member(_RULE, definition, "resolvedDependencies", MAX_DEPENDENCIES):
        uri = optional_text("a dependency", it, "uri")
        if optional_text("a dependency", it, "name") in names and uri[:4] == "git+":
            yield uri


def _flatten(
    members: Mapping[str, object], prefix: str, depth: int
) -> Iterator[tuple[str, str]]:
    for name in members:
        value = members[name]
        # Else {"a.b": ...} would pass for the b of a.
        path = prefix + re.sub(r"([.\\])", r"\\\1", name)
        if len(path) > _MAX_PATH_CHARS:
            raise FormatError("the path of a parameter is too long", path)
        if isinstance(value, dict) and value and depth > 0:
            yield from _flatten(value, f"{path}.", depth - 1)
        elif isinstance(value, str) and value:
            yield path, optional_text(_RULE, members, name)
        # Unset, null and empty are one: SLSA provenance v1, "Parsing rules".
        elif value not in (None, "", {}, []):
            yield path, ""
