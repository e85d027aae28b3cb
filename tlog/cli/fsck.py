"""x."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add."""


def run(options: argparse.Namespace) -> int:
    """Run."""
    return 0
