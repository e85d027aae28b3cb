"""The command line: one file per verb, arguments only, loaded when its verb is called.

    verbs                                    their names, summaries, and the one loader
    command                                  a command line: parsed, run, its status
    serve  witness  monitor  gate            the roles that run
    gate_manifest  gate_decide  coverage     what clusters, scripts and operators ask
    submit  attest  verify  search           what people ask of a log
    get  head  prove                         one entry, the head, two sizes of a log
    rebuild_check                            built again, and compared
    backfill                                 what nobody watched, said to be so
    attach  discover                         what registries hold of images
    images  trust_of_images                  such images verified, and by whose word
    fsck  rebuild  keygen  token             what operators do
    backup  restore                          a second copy of a log, and the log of one
    documents  document_log                  the documents of a log, and the way to it
    buckets  bucket_shelf                    documents in a bucket, where one is named
    attest_flags  attest_reports             attest's flags, and what it tells
    document_flags                           what those who submit say of documents
    completion  manual  described            for shells and `man`: what each verb takes
    sigstore_config  sigstore_resign         what Sigstore's clients are handed
    sigstore_try  standins                   what signs beside a log, for trial
    bundles  certified                       verify's, for bundles and trusted roots
    rules  ruled  vsa                        rules checked; verify's, for blocks of them
    trust  repositories                      the same, as a TUF repository
    hashes                                   what hashes here, for those who ask
    shared                                   stores that nodes share, where named
    workers                                  a log's front ends, where there are some
    stores  shared_stores                    what names them, and the settings that do
    migrate  migrate_shared                  a log moved into them, and back
    fsck_shared  rebuild_shared              what both verbs do there
    fsck_bucket                              documents there, verified
    serving  settings                        what the roles that run share
    traces  spans                            what they do, told to a collector
    rotate_key  key_steps                    a log's key changed under one origin
    rotate_key_shared                        the same in stores that nodes share
    keys  hardware                           keys by their URIs; those on tokens
    credentials  policies  progress          what the others share
    network  registries                      flags of the network; the way to a registry
    retries                                  what both tell of requests tried again
    fsck_metrics                             what fsck leaves for collectors
    output  reports  signers                 what submit and search tell, and read
    completeness  holdings                   what search --prove and --component tell

Exit status: 0 done, 1 not done (not proven, refused, damaged), 2 unusable input, 3 the
log stopped by itself and wants a restart; 4 hits, of `tlog monitor --once`, or an
incomplete answer, of `tlog search --prove`.
"""

from collections.abc import Sequence

from tlog.cli.verbs import load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command in this process and return its exit status.

    arguments: those of the process if None is given.  A wrong command line raises
    SystemExit.
    """
    command = load("command")
    return int(command.run(command.parse(arguments)))
