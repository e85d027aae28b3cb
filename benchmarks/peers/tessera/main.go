// Tessera's POSIX log behind two routes, as its own conformance server has them:
// POST /add answers the index of the body as an entry, once it is durable, and GET
// serves the files.  Batching is a flag here, so that it can be measured as it comes
// (256 entries or a second) and at its best.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	antispam "github.com/transparency-dev/tessera/storage/posix/antispam"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	folder := flag.String("folder", "", "where the log is kept")
	size := flag.Uint("batch-size", 256, "entries after which a batch is full")
	age := flag.Duration("batch-age", time.Second, "how long a batch waits for more")
	dedup := flag.Bool("dedup", false, "look for entries that the log has, kept in Badger")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *folder, *size, *age, *dedup); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, folder string, size uint, age time.Duration, dedup bool) error {
	secret, _, err := note.GenerateKey(rand.Reader, "tessera.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: folder})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(time.Second).
		WithCheckpointRepublishInterval(time.Minute).
		WithBatching(size, age)
	if dedup {
		kept, err := antispam.NewAntispam(
			ctx, filepath.Join(folder, ".state", "antispam"), antispam.AntispamOpts{})
		if err != nil {
			return err
		}
		options = options.WithAntispam(tessera.DefaultAntispamInMemorySize, kept)
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		index, err := appender.Add(r.Context(), tessera.NewEntry(body))()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "%d", index.Index)
	})
	routes.Handle("GET /", http.FileServer(http.Dir(folder)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Fprintf(os.Stdout, "http://%s\n", listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return shutdown(context.Background())
}
