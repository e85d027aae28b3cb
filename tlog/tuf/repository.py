"""A TUF repository in a folder, as any web server may serve it.

    N.root.json         all versions: a client walks from the one that it has
    root.json           the newest root, to hand to new clients
    timestamp.json      names the snapshot; expires first
    N.snapshot.json     names the targets' metadata
    N.targets.json      names the files
    targets/HASH.NAME   the files

What was published stays: a file is written under a new name, and `timestamp.json`
last, so that a client sees the repository as it was or as it is.  All metadata is
verified by the root before anything is signed on it.

Source: The Update Framework, specification 1.0, sections 3 to 6; consistent snapshots.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from tlog.errors import CorruptError, RejectedError
from tlog.folders import write_all_whole
from tlog.signing import OpenToken, open_no_token
from tlog.tuf.keys import KeyFolder, RoleSigner

ROLES: Final = {
    "root": ["root"],
    "targets": ["targets"],
    "online": ["snapshot", "timestamp"],
}
"""The three keys, and the roles of each."""
LONG_DAYS: Final = 365
"""How long root and targets are valid; they are signed anew in the second half."""

_Signed = TypeVar("_Signed", Root, Snapshot, Targets, Timestamp)


class Repository:
    """One repository.

    now_s: Unix time, from which expiry counts.  days: how long snapshot and timestamp
    are valid.  open_token: opens keys that are on a token.
    """

    def __init__(
        self,
        folder: Path,
        keys: Path,
        *,
        now_s: int,
        days: int,
        open_token: OpenToken = open_no_token,
    ) -> None:
        if keys.resolve().is_relative_to(folder.resolve()):
            raise RejectedError(
                f"{keys}: keys are not kept in the folder that is served"
            )
        self._folder = folder
        self._keys = KeyFolder(keys, open_token)
        self._now = datetime.fromtimestamp(now_s, UTC)
        self._days = days
        self._files: dict[Path, bytes] = {}

    @property
    def exists(self) -> bool:
        """Whether there is a repository in the folder."""
        return (self._folder / "timestamp.json").exists()

    def publish(self, files: Mapping[str, bytes]) -> list[str]:
        """Make the repository, or publish these files in place of those before.

        Returns what could not be signed, a line each, as `resign` does.
        """
        if not self.exists:
            root = self._make_root()
            targets = Metadata(Targets(expires=self._after(LONG_DAYS)))
            self._name_files(targets.signed, files)
            self._put(targets, root, "targets")
            self._put_online(root, 1, 1, targets.signed.version)
            self._write()
            return []
        root, targets = self._root(), self._targets()
        before = {name: it.hashes for name, it in targets.signed.targets.items()}
        self._name_files(targets.signed, files)
        after = {name: it.hashes for name, it in targets.signed.targets.items()}
        return self._resign(root, targets, is_changed=before != after)

    def resign(self) -> list[str]:
        """Sign the timestamp again, and whatever is in the second half of its time.

        Returns what should be signed and could not, for its key is not there.
        """
        return self._resign(self._root(), self._targets(), is_changed=False)

    def rotate(self, name: str) -> list[str]:
        """Make a new key in place of one of `ROLES`, and sign all that it signs.

        The new root is signed by the old root key and the new one.
        """
        root, targets = self._root(), self._targets()
        old = self._keys.signers(root.signed.roles["root"].keyids)
        if not old:
            raise self._no_key("root")
        new = self._keys.make(f"{name}-{root.signed.version + 1}")
        for role in ROLES[name]:
            for keyid in list(root.signed.roles[role].keyids):
                root.signed.revoke_key(keyid, role)
            root.signed.add_key(new.public_key, role)
        self._renew_root(root, old)
        return self._resign(root, targets, is_changed=name == "targets")

    def _make_root(self) -> Metadata[Root]:
        root = Metadata(Root(expires=self._after(LONG_DAYS), consistent_snapshot=True))
        for name, roles in ROLES.items():
            key = self._keys.make(name)
            for role in roles:
                root.signed.add_key(key.public_key, role)
        root.signed.version = 0
        self._renew_root(root, [])
        self._folder.joinpath("targets").mkdir(parents=True, exist_ok=True)
        return root

    def _renew_root(self, root: Metadata[Root], old: list[RoleSigner]) -> None:
        """Sign the next version of the root, with old keys too."""
        root.signed.version += 1
        root.signed.expires = self._after(LONG_DAYS)
        root.signatures.clear()
        signers = {it.public_key.keyid: it for it in old}
        for it in self._keys.signers(root.signed.roles["root"].keyids):
            signers[it.public_key.keyid] = it
        for signer in signers.values():
            root.sign(signer, append=True)
        self._require_signed(root, root, "root")
        content = root.to_bytes(JSONSerializer())
        # Both before what the new keys sign: who reads between finds them.
        self._files[self._folder / f"{root.signed.version}.root.json"] = content
        self._files[self._folder / "root.json"] = content

    def _resign(
        self, root: Metadata[Root], targets: Metadata[Targets], *, is_changed: bool
    ) -> list[str]:
        told: list[str] = []
        if self._is_old(root.signed.expires, LONG_DAYS):
            signers = self._keys.signers(root.signed.roles["root"].keyids)
            if signers:
                self._renew_root(root, signers)
            else:
                told.append(_late("root", root.signed.expires))
        has_key = bool(self._keys.signers(root.signed.roles["targets"].keyids))
        if is_changed and not has_key:
            raise self._no_key("targets")
        if is_changed or self._is_old(targets.signed.expires, LONG_DAYS):
            if has_key:
                targets.signed.version += 1
                targets.signed.expires = self._after(LONG_DAYS)
                self._put(targets, root, "targets")
            else:
                told.append(_late("targets", targets.signed.expires))
        timestamp = self._read("timestamp.json", Timestamp)
        snapshot = timestamp.signed.snapshot_meta.version + 1
        number = timestamp.signed.version + 1
        self._put_online(root, number, snapshot, targets.signed.version)
        self._write()
        return told

    def _put_online(
        self, root: Metadata[Root], number: int, snapshot: int, targets: int
    ) -> None:
        """Sign a snapshot of a version of the targets, and a timestamp of that."""
        expires = self._after(self._days)
        of_targets = {"targets.json": MetaFile(version=targets)}
        self._put(
            Metadata(Snapshot(version=snapshot, expires=expires, meta=of_targets)),
            root,
            "snapshot",
        )
        self._put(
            Metadata(
                Timestamp(
                    version=number, expires=expires, snapshot_meta=MetaFile(snapshot)
                )
            ),
            root,
            "timestamp",
        )

    def _put(
        self, metadata: Metadata[_Signed], root: Metadata[Root], role: str
    ) -> None:
        """Sign metadata with its role's key, check it, and keep it to be written."""
        signers = self._keys.signers(root.signed.roles[role].keyids)
        if not signers:
            raise self._no_key(role)
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)
        self._require_signed(root, metadata, role)
        version = "" if role == "timestamp" else f"{metadata.signed.version}."
        path = self._folder / f"{version}{role}.json"
        self._files[path] = metadata.to_bytes(JSONSerializer())

    def _name_files(self, targets: Targets, files: Mapping[str, bytes]) -> None:
        """Let the targets name these files and no others."""
        targets.targets = {}
        for name, content in files.items():
            file = TargetFile.from_data(name, content, ["sha256"])
            targets.targets[name] = file
            path = self._folder / "targets" / f"{file.hashes['sha256']}.{name}"
            self._files[path] = content

    def _write(self) -> None:
        write_all_whole(self._files)
        self._files.clear()

    def _root(self) -> Metadata[Root]:
        """Return the newest root; RejectedError if there is no repository."""
        if not self.exists:
            raise RejectedError(f"{self._folder} is no TUF repository")
        root = self._read("root.json", Root)
        self._require_signed(root, root, "root")
        return root

    def _targets(self) -> Metadata[Targets]:
        """Return the newest targets, by way of timestamp and snapshot."""
        root = self._root()
        timestamp = self._read("timestamp.json", Timestamp)
        self._require_signed(root, timestamp, "timestamp")
        number = timestamp.signed.snapshot_meta.version
        snapshot = self._read(f"{number}.snapshot.json", Snapshot)
        self._require_signed(root, snapshot, "snapshot")
        number = snapshot.signed.meta["targets.json"].version
        targets = self._read(f"{number}.targets.json", Targets)
        self._require_signed(root, targets, "targets")
        return targets

    def _read(self, name: str, kind: type[_Signed]) -> Metadata[_Signed]:
        path = self._folder / name
        try:
            found: Metadata[_Signed] = Metadata.from_bytes(path.read_bytes())
        except (FileNotFoundError, RepositoryError) as error:
            raise CorruptError(str(path), str(error)) from error
        if type(found.signed) is not kind:
            raise CorruptError(str(path), f"is no metadata of a {kind.type}")
        return found

    def _require_signed(
        self, root: Metadata[Root], metadata: Metadata[_Signed], role: str
    ) -> None:
        try:
            root.signed.verify_delegate(
                role, metadata.signed_bytes, metadata.signatures
            )
        except RepositoryError as error:
            raise CorruptError(str(self._folder), str(error)) from error

    def _no_key(self, role: str) -> RejectedError:
        why = "; ".join(["the folder of keys does not have it", *self._keys.away])
        return RejectedError(f"the {role} key is missing: {why}")

    def _after(self, days: int) -> datetime:
        return self._now + timedelta(days=days)

    def _is_old(self, expires: datetime, days: int) -> bool:
        """Whether metadata is in the second half of its time."""
        return expires < self._now + timedelta(days=days) / 2


def _late(role: str, expires: datetime) -> str:
    return f"{role} expires at {expires:%Y-%m-%dT%H:%M:%SZ}, and its key is not there"
