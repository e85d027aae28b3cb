"""Disk and database: what the log's storage and the witness's state both stand on.

disk       durable file operations: the seam where faults are injected
cached     files that the kernel has in memory, read without waiting
at_once    many calls that wait for a network
bucket     an S3-compatible store: its client, and what its answers mean
database   SQLite as a commit point: durable, or not at all, or fatal
"""
