"""From submit to cosigned proof in hand, with three witnesses and a quorum of two."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import (
    ORIGIN,
    RunningLog,
    scratch_folder,
    serving,
    serving_witness,
)
from tlog.signing import generate_key
from tlogverify.keys import KeyType

QUESTION: Final = "How long does a submit wait for a proof that two witnesses cosigned?"
METHOD: Final = """
    A log and three witnesses as processes on one machine, 2 of 3, Ed25519; 500 entries
    a second offered, one in each request, at moments drawn at random, whether or not
    earlier ones are answered.  Once with the default of one head a second, once with
    one head every 50 ms, and once without witnesses.  Every answer is 201, and the
    proofs of a sample lead to heads that the log signed.
"""
RATE: Final = 500
CONNECTIONS: Final = 1_024
INTERVALS_MS: Final = {"a head each second": 1_000, "a head each 50 ms": 50}


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("seconds", 20, 4))
    found: dict[str, list[float]] = {}
    for nth in range(given.runs):
        for name, interval_ms in {**INTERVALS_MS, "no witnesses": 0}.items():
            with scratch_folder() as folder, _log(folder, interval_ms) as log:
                summary = log.load(
                    "arrive",
                    f"--entries={given.seconds * RATE}",
                    f"--rate={RATE}",
                    connections=CONNECTIONS,
                    seed=nth,
                )
            for rank in ("p50", "p99"):
                key = f"{name}, {rank}"
                found.setdefault(key, []).append(summary[f"latency_ms.{rank}"])
    Result(
        name="bench_cosigned",
        question=QUESTION,
        method=METHOD,
        measures=[Measure(key, "ms", runs, None, True) for key, runs in found.items()],
        settings={"seconds": given.seconds, "rate": RATE, "connections": CONNECTIONS},
        is_quick=given.quick,
    ).finish()


@contextmanager
def _log(folder: Path, interval_ms: int) -> Iterator[RunningLog]:
    """Serve a log, and its witnesses unless the interval is 0."""
    with ExitStack() as stack:
        flags: list[str] = []
        if interval_ms:
            keys = folder / "log" / "keys"
            keys.mkdir(parents=True, mode=0o700)
            key = generate_key(ORIGIN, KeyType.ED25519)
            key.write(keys / "log.ed25519")
            lines: list[str] = []
            for nth in range(3):
                witness = stack.enter_context(
                    serving_witness(
                        folder / f"w{nth}",
                        f"benchmarks.example/w{nth}",
                        f"--log={key.verifier_key.encode()}",
                        "--keys=ed25519",
                        "--qpd=2000000000",
                        "--log-level=error",
                    )
                )
                lines.append(f"witness w{nth} {witness.keys[0]} {witness.url}\n")
            policy = folder / "witnesses"
            policy.write_text("".join(lines) + "group g 2 w0 w1 w2\nquorum g\n")
            flags = [f"--witness-policy={policy}"]
            flags += [f"--witness-interval-ms={interval_ms}"]
        yield stack.enter_context(serving(folder / "log", *flags))


if __name__ == "__main__":
    main()
