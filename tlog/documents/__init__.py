"""Documents: what the entries of a log name, kept beside it and outside of its tree.

The log keeps digests.  This wing keeps the bytes, by the SHA-256 of exactly these
bytes, and takes none that no entry names.  Nothing here can change what a proof says:
whoever holds the store can withhold a document, and that shows.

The files, in order of dependency:

    tombstones  facts    what stays of a document that is gone; what is known of one
    naming               which document an entry names, and what is asked of the log
    refusals             what is told of a document that is not served, or not taken
    retention            the rules of `retention.toml`, and what they say of a document
    shelf                where files lie, as a seam; drafts on their way there
    shelf_folder  shelf_bucket    the two places: a folder, or a bucket of many nodes
    checked              reading in pieces, each checked before anybody gets it
    components           which SBOM holds which package
    announced            SBOMs that nodes tell each other of
    beside               the small files: facts, tombstones, dispositions on their way
    store                tiers, tombstones, and documents that wait for their entry
    settings  metrics    what can be set; what is counted
    places               where the documents of a log are, and its cold tier
    threads              where all of it blocks, off the event loop
    indexing             SBOMs into the index of components
    opening              from a place to an open store
    door  attestations   HTTP: one document; all that is said of an artifact
    github               the same in GitHub's shape: Sigstore bundles
    holdings             HTTP: which artifacts hold a package
    upkeep  routes       in the background; which door answers which path
    disposing            documents go, and the log says so first
"""
