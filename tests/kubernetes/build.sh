#!/bin/sh
# Build Kubernetes' API server from its Go modules, once, outside the tree.
#
# `go install` refuses k8s.io/kubernetes, because its go.mod replaces 33 modules by
# folders of its repository.  A module of one's own replaces them by their releases.
# It takes 8 to 25 minutes of one CPU, and prints where the program is.
set -eu

version=${1:-1.36.3}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tlog-kubernetes
binary=$cache/kube-apiserver-$version
if [ -x "$binary" ]; then
    echo "$binary"
    exit 0
fi
scratch=$cache/build-$version
mkdir -p "$scratch"
cd "$scratch"
printf 'module tlog.test/apiserver\n\ngo 1.24\n' > go.mod
go mod download "k8s.io/kubernetes@v$version"
theirs=$(go env GOMODCACHE)/cache/download/k8s.io/kubernetes/@v/v$version.mod
{
    printf 'module tlog.test/apiserver\n\n'
    sed -n 's/^go /go /p' "$theirs"
    printf 'require k8s.io/kubernetes v%s\n' "$version"
    printf 'tool k8s.io/kubernetes/cmd/kube-apiserver\n'
    sed -n "s|^\s*\(k8s.io/[a-z-]*\) => ./staging.*|replace \1 => \1 v0.${version#*.}|p" \
        "$theirs"
} > go.mod
nice -n 15 go mod tidy
# Without its version it would not know which of its features are on.
stamp="-X k8s.io/component-base/version.gitVersion=v$version"
CGO_ENABLED=0 nice -n 15 go build -trimpath -ldflags "-s -w $stamp" \
    -o "$binary.draft" k8s.io/kubernetes/cmd/kube-apiserver
mv "$binary.draft" "$binary"
echo "$binary"
