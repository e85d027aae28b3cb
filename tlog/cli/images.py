"""Verifying images of a registry, for `tlog verify oci://IMAGE`."""

import argparse
import asyncio
import json

from tlog.cli.command import exit_status
from tlog.cli.registries import open_repository
from tlog.cli.trust_of_images import read_trust
from tlog.registry import (
    Discovery,
    State,
    Trust,
    Verdict,
    discover,
    fetch_documents,
    find_image,
    judge,
    parse_reference,
)
from tlogverify.command import verdicts
from tlogverify.command.telling import UnwrittenError, complain, printable, reason, tell
from tlogverify.errors import TlogError, VerificationError


def run(options: argparse.Namespace) -> int:
    """Verify each image by what is attached to it, and return the worst status."""
    trust = read_trust(options)
    status = 0
    for name in dict.fromkeys(options.artifact):
        try:
            status = max(status, _answer(name, options, trust))
        except UnwrittenError as error:
            complain(f"{name}: the verdict could not be written: {error}")
            return 2
    return status


def _answer(name: str, options: argparse.Namespace, trust: Trust) -> int:
    try:
        found, judged = asyncio.run(_judge(name, options, trust))
    except UnwrittenError:
        raise
    except (TlogError, OSError) as error:
        why, status = reason(error), exit_status(type(error))
        word = {1: "not proven", 2: "unusable input"}.get(status, "not judged")
        if options.json:
            tell(json.dumps({"artifact": name, "proven": False, "why": why}))
        complain(f"{name}: {word}: {why}")
        return status
    image = found.image.reference.text
    is_proven = any(it.state is State.PROVEN for it in judged)
    why = "" if is_proven else _why(judged)
    if options.json:
        told: dict[str, object] = {"artifact": image, "proven": is_proven}
        told |= {} if is_proven else {"why": why}
        told["attached"] = [_describe(image, it) for it in judged]
        tell(json.dumps(told))
    for it in judged:
        if it.state is not State.PROVEN:
            complain(f"{image}: {it.document.attached}: {it.state.value}: {it.why}")
        elif not options.json:
            tell(printable(_line(image, it)))
    if not is_proven:
        complain(f"{image}: not proven: {why}")
    return 0 if is_proven else 1


async def _judge(
    name: str, options: argparse.Namespace, trust: Trust
) -> tuple[Discovery, list[Verdict]]:
    reference = parse_reference(name)
    async with open_repository(options, reference) as repository:
        image = await find_image(repository, reference)
        found = await discover(repository, image)
        documents = await fetch_documents(repository, found, trust)
    return found, judge(image.digest, documents, trust)


def _why(judged: list[Verdict]) -> str:
    if not judged:
        return "nothing is attached to this image: `tlog attach` does that"
    return f"of {len(judged)} attached documents none proves it"


def _line(image: str, verdict: Verdict) -> str:
    if verdict.bundle is not None:
        # It speaks of the digest; the image is what was asked for.
        return f"{image}{verdict.bundle[1][verdict.bundle[1].index(': proven') :]}"
    if verdict.artifact is None:
        raise VerificationError("a verdict without what was proven")
    line = verdicts.summary(image, verdict.artifact)
    if verdict.attestation is not None:
        line += verdicts.attested_summary(verdict.attestation)
    return line


def _describe(image: str, verdict: Verdict) -> dict[str, object]:
    told: dict[str, object] = {
        "attached": verdict.document.attached,
        "type": verdict.document.media_type,
        "verdict": verdict.state.value,
        "why": verdict.why or None,
    }
    if verdict.bundle is not None:
        told |= verdict.bundle[0] | {"artifact": image}
    if verdict.artifact is not None:
        told |= verdicts.describe(image, verdict.artifact)
    if verdict.attestation is not None:
        told |= verdicts.describe_attested(verdict.attestation)
    return told
