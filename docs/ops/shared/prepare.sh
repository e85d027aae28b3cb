#!/bin/sh
# What compose.yaml wants: keys and secrets first, then the policy of log and monitor.
#
#   sh prepare.sh keys                   needs `tlog` on the path, once
#   sh prepare.sh policy WITNESS_KEY
set -eu

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

case "${1-}" in
keys)
    mkdir -p config
    mkdir -m 700 secrets
    tlog keygen log.example.org --out secrets/log.ed25519 > config/log.vkey
    # The user of the containers, who alone may read it.
    if [ "$(id -u)" = 0 ]; then chown 65532:65532 secrets/log.ed25519; fi
    printf 'TLOG_WITNESS_LOG=%s\n' "$(cat config/log.vkey)" > config/witness.env
    umask 077
    database=$(random) store=$(random)
    printf 'POSTGRES_PASSWORD=%s\n' "$database" > secrets/postgres.env
    printf '%s\n' ROOT_ACCESS_KEY_ID=nodes "ROOT_SECRET_ACCESS_KEY=$store" > secrets/store.env
    printf '%s\n' "PGPASSWORD=$database" AWS_ACCESS_KEY_ID=nodes \
        "AWS_SECRET_ACCESS_KEY=$store" > secrets/nodes.env
    ;;
policy)
    printf '%s\n' "log $(cat config/log.vkey)" \
        "witness w1 $2 http://witness:8080" "quorum w1" > config/policy
    ;;
*)
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac
