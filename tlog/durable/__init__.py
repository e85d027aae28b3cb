"""Disk and database: what the log's storage and the witness's state both stand on.

disk       durable file operations: the seam where faults are injected
database   SQLite as a commit point: durable, or not at all, or fatal
"""
