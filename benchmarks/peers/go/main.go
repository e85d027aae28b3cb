// Command peer measures golang.org/x/mod/sumdb/tlog: inclusion proofs made and
// verified for each second of CPU time, on a tree in memory.  It prints one JSON object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const proofs = 1000

func main() {
	entries := flag.Int64("entries", 1_000_000, "leaves of the tree")
	entryBytes := flag.Int("entry-bytes", 263, "bytes of a leaf")
	seconds := flag.Float64("seconds", 2, "for each figure")
	flag.Parse()
	// One core: what the collector does counts too.
	runtime.GOMAXPROCS(1)

	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	source := rand.New(rand.NewSource(1))
	entry := make([]byte, *entryBytes)
	leaves := make([]tlog.Hash, *entries)
	for n := range leaves {
		source.Read(entry)
		leaves[n] = tlog.RecordHash(entry)
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaves[n], reader)
		must(err)
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(*entries, reader)
	must(err)

	var indexes []int64
	var paths []tlog.RecordProof
	for range proofs {
		n := source.Int63n(*entries)
		path, err := tlog.ProveRecord(*entries, n, reader)
		must(err)
		indexes, paths = append(indexes, n), append(paths, path)
	}
	rates := map[string]float64{
		"prove": proofs * callsPerSecond(*seconds, func() {
			for _, n := range indexes {
				_, err := tlog.ProveRecord(*entries, n, reader)
				must(err)
			}
		}),
		"verify": proofs * callsPerSecond(*seconds, func() {
			for i, n := range indexes {
				must(tlog.CheckRecord(paths[i], *entries, root, n, leaves[n]))
			}
		}),
	}
	must(json.NewEncoder(os.Stdout).Encode(rates))
	fmt.Fprintln(os.Stderr, runtime.Version())
}

func callsPerSecond(seconds float64, work func()) float64 {
	work()
	begun, calls := cpuTime(), 0
	for {
		used := (cpuTime() - begun).Seconds()
		if used >= seconds {
			return float64(calls) / used
		}
		work()
		calls++
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
