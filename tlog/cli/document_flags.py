"""Flags of the commands that submit, for a log that keeps documents."""

import argparse


def add_document_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --documents and --environment."""
    parser.add_argument(
        "--documents",
        action="store_true",
        help="have the log keep the provenance documents too, for everybody to read",
    )
    parser.add_argument(
        "--environment",
        metavar="NAME",
        help="what they are for, such as release: the log's rules of retention ask",
    )
