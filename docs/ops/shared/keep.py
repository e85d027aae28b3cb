"""A copy of a log that nodes share, while they write: its rows, then its objects.

    python keep.py save FOLDER             the environment is that of a node
    python keep.py put FOLDER s3://BUCKET/PREFIX

The rows and the heads fit each other: no head is newer than the rows, and what the rows
no longer hold is in the bucket, because its heads are read after them.  Tiles that are
newer than the rows stay behind.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import obstore
import psycopg
from obstore.store import S3Store

HEADS = ("checkpoint", "stored")
TILE = re.compile(r".*/tile/(entries|\d+)/((?:x\d{3}/)*\d{3})(?:\.p/(\d+))?")


def main() -> None:
    """Do what the arguments say."""
    match sys.argv[1:]:
        case ["save", folder]:
            save(Path(folder))
        case ["put", folder, url]:
            put(Path(folder), opened(url))
        case _:
            raise SystemExit(__doc__)


def opened(url: str) -> S3Store:
    """Return a bucket, or what lies below a prefix of it."""
    is_http = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http:")
    return S3Store.from_url(url, client_options={"allow_http": is_http})


def save(folder: Path) -> None:
    """Copy the log's rows to database.sql, and its objects to bucket/.

    The folder is a new one: of documents more changes than is missing.
    """
    store, origin = opened(os.environ["TLOG_OBJECTS"]), os.environ["TLOG_ORIGIN"]
    bucket = folder / "bucket"
    bucket.mkdir(parents=True)
    with psycopg.connect(os.environ["TLOG_DATABASE"], autocommit=True) as database:
        moment, size = fitting_moment(database, store, origin, bucket)
        rows = ["pg_dump", "--no-owner", "--table=tlog_*", f"--snapshot={moment}"]
        with (folder / "database.sql").open("w") as file:
            rows.append(os.environ["TLOG_DATABASE"])
            subprocess.run(rows, stdout=file, check=True)
    # An incomplete tile goes when it is full: what was missed is listed again.
    missing = [origin]
    while missing:
        listed = [it["path"] for page in obstore.list(store, origin) for it in page]
        missing = [
            it
            for it in sorted(listed)
            if size_with(it) <= size and not (bucket / it).exists()
        ]
        for name in missing:
            copy(store, name, bucket)


def fitting_moment(
    database: psycopg.Connection, store: S3Store, origin: str, bucket: Path
) -> tuple[str, int]:
    """Return a moment of the database whose head is no older than the bucket's.

    And the size of that head.
    """
    while True:
        database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = database.execute(
            "SELECT pg_export_snapshot(), size FROM tlog_heads WHERE origin = %s",
            [origin],
        ).fetchone()
        if row is None:
            raise SystemExit(f"the database has no log {origin}")
        moment, size = row
        notes = [copy(store, f"{origin}/{it}", bucket) for it in HEADS]
        # The second line of a head is its size.
        if all(int(it.split(b"\n")[1]) <= size for it in notes if it):
            return str(moment), int(size)
        database.execute("ROLLBACK")


def size_with(name: str) -> int:
    """Return the size from which on a log has this tile; 0 for what is no tile."""
    found = TILE.fullmatch(name)
    if found is None:
        return 0
    level = 0 if found[1] == "entries" else int(found[1])
    index, width = int(re.sub(r"\D", "", found[2])), int(found[3] or 256)
    return (index * 256 + width) << (8 * level)


def copy(store: S3Store, name: str, bucket: Path) -> bytes:
    """Copy one object, and return it; nothing if it is not there."""
    try:
        content = bytes(obstore.get(store, name).bytes())
    except FileNotFoundError:
        return b""
    target = bucket / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return content


def put(folder: Path, store: S3Store) -> None:
    """Write the objects of a copy below a prefix; what has their names is replaced."""
    bucket = folder / "bucket"
    for file in sorted(bucket.rglob("*")):
        if file.is_file():
            name = file.relative_to(bucket).as_posix()
            obstore.put(store, name, file.read_bytes())


if __name__ == "__main__":
    main()
