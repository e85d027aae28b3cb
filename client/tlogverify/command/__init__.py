"""What the command says and does: `python -m tlogverify` and `tlog verify`.

A program that verifies from Python needs nothing of it.  The files, in order of
dependency:

    telling              lines and JSON, written or not
    policies  proofs     files that a person names, and what they were if not those
    verdicts             how it is told what has been proven
    bundles              one artifact, by its Sigstore bundle
    judging              one artifact, entry or piece of evidence
    running              arguments, answers, the status
"""
