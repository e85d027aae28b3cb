package main

import (
	"bytes"
	"log"
	"math/rand"

	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

const messages = 4096

// What was hashed last: the compiler must not leave the work out.
var (
	lastHash  tlog.Hash
	lastBytes []byte
)

// measureHashing returns nodes and leaves a second, one a call.
func measureHashing(entryBytes int, seconds float64) map[string]float64 {
	source := rand.New(rand.NewSource(1))
	hashes := make([]tlog.Hash, 2*messages)
	entries := make([][]byte, messages)
	for i := range hashes {
		source.Read(hashes[i][:])
	}
	for i := range entries {
		entries[i] = make([]byte, entryBytes)
		source.Read(entries[i])
	}
	merkle := rfc6962.DefaultHasher
	lastHash = tlog.NodeHash(hashes[0], hashes[1])
	lastBytes = merkle.HashChildren(hashes[0][:], hashes[1][:])
	if !bytes.Equal(lastHash[:], lastBytes) {
		log.Fatal("the two hash a node differently")
	}
	return map[string]float64{
		"x/mod nodes": messages * callsPerSecond(seconds, func() {
			for i := 0; i < len(hashes); i += 2 {
				lastHash = tlog.NodeHash(hashes[i], hashes[i+1])
			}
		}),
		"x/mod leaves": messages * callsPerSecond(seconds, func() {
			for _, entry := range entries {
				lastHash = tlog.RecordHash(entry)
			}
		}),
		"merkle nodes": messages * callsPerSecond(seconds, func() {
			for i := 0; i < len(hashes); i += 2 {
				lastBytes = merkle.HashChildren(hashes[i][:], hashes[i+1][:])
			}
		}),
		"merkle leaves": messages * callsPerSecond(seconds, func() {
			for _, entry := range entries {
				lastBytes = merkle.HashLeaf(entry)
			}
		}),
	}
}
