// A log on Tessera's POSIX storage as fast to answer as Tessera's settings allow, for comparison in a benchmark: entries wait 10 ms for
// company instead of a second, and checkpoints are published every 100 ms, the shortest that it takes. All else is as its own
// conformance server (cmd/conformance/posix) has it: an entry is answered with its index once it is durably sequenced.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

var (
	storageDir         = flag.String("storage_dir", "", "folder of the log")
	listen             = flag.String("listen", "127.0.0.1:0", "address to listen on")
	privateKey         = flag.String("private_key", "", "file with the note signer's key")
	batchAge           = flag.Duration("batch_age", 10*time.Millisecond, "how long an entry waits for others")
	batchSize          = flag.Uint("batch_size", tessera.DefaultBatchMaxSize, "most entries of a batch")
	checkpointInterval = flag.Duration("checkpoint_interval", 100*time.Millisecond, "how often a checkpoint is published")
)

func main() {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context) error {
	key, err := os.ReadFile(*privateKey)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(string(key))
	if err != nil {
		return err
	}
	driver, err := posix.New(context.Background(), posix.Config{Path: *storageDir})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(*checkpointInterval).
		WithBatching(*batchSize, *batchAge).
		WithAntispam(tessera.DefaultAntispamInMemorySize, nil)
	appender, shutdown, _, err := tessera.NewAppender(context.Background(), driver, options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(appender), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return shutdown(context.Background())
}

func handler(appender *tessera.Appender) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) {
		entry, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the entry was not read", http.StatusBadRequest)
			return
		}
		index, err := appender.Add(r.Context(), tessera.NewEntry(entry))()
		if errors.Is(err, tessera.ErrPushback) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(w, "%d", index.Index)
	})
	files := http.FileServer(http.Dir(*storageDir))
	mux.Handle("GET /checkpoint", files)
	mux.Handle("GET /tile/", files)
	return mux
}
