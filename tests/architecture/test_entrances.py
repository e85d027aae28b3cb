"""A wing hides its rooms: another wing enters it by few named modules."""

import pytest

from tests.architecture.source import below, sources
from tests.architecture.test_architecture import WINGS

ENTRANCES = {
    "log": {"opening", "serving", "rebuilding", "settings", "life"}
    | {"admission.tokens", "eras", "identity", "restoring", "shared"}
    | {"node", "moving"}
    | {"leader", "front", "workers.supervising", "workers.together"},
    "witness": {"opening", "door", "settings"},
    "monitor": {"completeness", "files", "opening", "settings", "verified"},
    "gate": {"opening", "door", "settings", "manifest", "yaml", "coverage"}
    | {"clusters"},
    "fsck": {"check", "damage", "documents", "peaks", "places", "shared"}
    | {"bucket_documents"},
    "backup": {"running", "restoring"},
    "rebuilds": {"building", "comparing", "stating"},
    "trial": {"neighbours"},
    "tuf": {"repository"},
    "registry": {"manifests"},
    # These say in their packages what others may use of them.
    "attest": set[str](),
    "submit": set[str](),
    "sigstore": set[str](),
}


@pytest.mark.parametrize("wing", ENTRANCES)
def test_other_wings_enter_by_the_named_modules_alone(wing: str) -> None:
    package = f"tlog.{wing}"
    entrances = {package, *(f"{package}.{name}" for name in ENTRANCES[wing])}
    rooms = {source.module for source in below(package)}
    assert set() == entrances - rooms
    wrong = [
        f"{source.module} imports {used}"
        for source in sources().values()
        if source.wing != wing
        for used in source.imports & (rooms - entrances)
    ]
    assert [] == wrong


def test_every_role_names_its_entrances() -> None:
    assert set(ENTRANCES) == WINGS[2] | WINGS[3]
