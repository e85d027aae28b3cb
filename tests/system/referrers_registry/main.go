// A registry with the referrers API, in memory: go-containerregistry's own, which lists
// the config's media type where the artifact's belongs, and answers no OCI-Subject.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	serve := registry.New(
		registry.WithReferrersSupport(true),
		registry.Logger(log.New(io.Discard, "", 0)),
	)
	log.Fatal(http.ListenAndServe(os.Args[1], serve))
}
