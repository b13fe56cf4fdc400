// Command mirror-client brings a log to a mirror once, with Tessera's client of C2SP tlog-mirror.
//
//	mirror-client LOG_URL MIRROR_URL
//
// Both URLs end in a slash. It prints the mirror's cosignatures.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/client/mirror"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("mirror-client LOG_URL MIRROR_URL")
	}
	ctx := context.Background()
	source, err := url.Parse(os.Args[1])
	check(err)
	target, err := url.Parse(os.Args[2])
	check(err)
	fetcher, err := client.NewHTTPFetcher(source, http.DefaultClient)
	check(err)
	checkpoint, err := fetcher.ReadCheckpoint(ctx)
	check(err)
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	size, err := strconv.ParseUint(lines[1], 10, 64)
	check(err)
	copied, err := client.NewHTTPFetcher(target.JoinPath(fmt.Sprintf("%x/", sha256.Sum256([]byte(lines[0])))), http.DefaultClient)
	check(err)
	options := mirror.NewOptions().
		WithMirrorURL(target).
		WithTileFetcher(fetcher.ReadTile).
		WithBundleFetcher(fetcher.ReadEntryBundle).
		WithMirrorCheckpointFetcher(copied.ReadCheckpoint)
	syncer, err := mirror.NewClient(ctx, options)
	check(err)
	cosignatures, err := syncer.Sync(ctx, checkpoint, size)
	check(err)
	fmt.Print(string(cosignatures))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
