"""Benchmarks: one question a file, real processes, real HTTP, real disk.

    machine      what this runs on
    results      measures, their budgets, the result files
    records      unique entries and the bodies that carry them
    truth        was what was measured true?
    connections  an HTTP client that costs little: closed and open loops
    load         the load generator: a process of its own
    running      the server and the load generator as processes
    pace         how often a second
    hash_rates   the hashing backends, at each size of a batch
    clock        of one core, and what it allows
    peers        other people's software
    plot         a small SVG
    report       from the result files to the table in README.md
    bench_*      the questions

How to read and run them: `benchmarks/README.md`.
"""
