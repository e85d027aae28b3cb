// Command peer measures what Go's transparency logs do in a second of CPU time.
//
// Without -hash, golang.org/x/mod/sumdb/tlog: inclusion proofs made and verified on a
// tree in memory.  With it, the nodes and leaves that x/mod and
// github.com/transparency-dev/merkle hash.  It prints one JSON object.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
)

func main() {
	hash := flag.Bool("hash", false, "measure hashing, not proofs")
	entries := flag.Int64("entries", 1_000_000, "leaves of the tree")
	entryBytes := flag.Int("entry-bytes", 263, "bytes of a leaf")
	seconds := flag.Float64("seconds", 2, "for each figure")
	flag.Parse()
	// One core: what the collector does counts too.
	runtime.GOMAXPROCS(1)

	var rates map[string]float64
	if *hash {
		rates = measureHashing(*entryBytes, *seconds)
	} else {
		rates = measureProofs(*entries, *entryBytes, *seconds)
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
