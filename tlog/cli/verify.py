"""Verify an artifact offline, by its proof file and a policy.

An image of a registry, oci://HOST/NAME:TAG, is verified by what is attached to it; for
that the registry is asked, and nobody else.

Exit status: 0 proven, 1 not proven, 2 unusable input; of an image, 3 no answer.
"""

import argparse

from tlog.cli.network import add_registry_arguments
from tlog.cli.verbs import load
from tlogverify.__main__ import add_arguments as add_offline_arguments
from tlogverify.__main__ import run as run_offline
from tlogverify.errors import FormatError

_IMAGE = "oci://"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    add_offline_arguments(parser)
    add_registry_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Verify files offline, or images by their registry."""
    images = [it for it in options.artifact if it.startswith(_IMAGE)]
    if not images:
        return run_offline(options)
    if len(images) < len(options.artifact):
        raise FormatError("files and images are verified by two commands")
    return int(load("images").run(options))
