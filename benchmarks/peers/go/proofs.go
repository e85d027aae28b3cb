package main

import (
	"math/rand"

	"golang.org/x/mod/sumdb/tlog"
)

const proofs = 1000

// measureProofs returns inclusion proofs made and verified a second.
func measureProofs(entries int64, entryBytes int, seconds float64) map[string]float64 {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	source := rand.New(rand.NewSource(1))
	entry := make([]byte, entryBytes)
	leaves := make([]tlog.Hash, entries)
	for n := range leaves {
		source.Read(entry)
		leaves[n] = tlog.RecordHash(entry)
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), leaves[n], reader)
		must(err)
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(entries, reader)
	must(err)

	var indexes []int64
	var paths []tlog.RecordProof
	for range proofs {
		n := source.Int63n(entries)
		path, err := tlog.ProveRecord(entries, n, reader)
		must(err)
		indexes, paths = append(indexes, n), append(paths, path)
	}
	return map[string]float64{
		"prove": proofs * callsPerSecond(seconds, func() {
			for _, n := range indexes {
				_, err := tlog.ProveRecord(entries, n, reader)
				must(err)
			}
		}),
		"verify": proofs * callsPerSecond(seconds, func() {
			for i, n := range indexes {
				must(tlog.CheckRecord(paths[i], entries, root, n, leaves[n]))
			}
		}),
	}
}
