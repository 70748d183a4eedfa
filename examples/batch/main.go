// Batch puts a hundred thousand items through a bulkhead with bulk.Map, in
// constant memory, with a progress bar. Interrupt it with Ctrl-C: it says what
// was done, what is left and where to go on.
//
//	go run . [-items 100000] [-parallelism 8] [-from 0]
//
// The part to copy is batch.go.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/schollz/progressbar/v3"
)

func main() {
	items := flag.Int("items", 100_000, "how many there are")
	parallelism := flag.Int("parallelism", 8, "how many at once")
	from := flag.Int("from", 0, "the first one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := run(ctx, *from, *items, *parallelism, checksum, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "batch: %v\n", err)
		os.Exit(1)
	}
}

var errInterrupted = errors.New("interrupted")

func run(ctx context.Context, from, items, parallelism int, work func(context.Context, int) error, stdout, stderr io.Writer) error {
	b, err := bulk.New("batch", parallelism)
	if err != nil {
		return err
	}
	bar := progressbar.NewOptions(max(0, items-from),
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("checksums"),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
	t := process(ctx, b, numbers(from, items), work, func(item int, failure error) {
		if failure != nil {
			_ = bar.Clear()
			fmt.Fprintf(stderr, "item %d: %v\n", item, failure)
		}
		_ = bar.Add(1)
	})
	if t.next == 0 {
		t.next = from // not one was pulled
	}
	if err := bar.Exit(); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d done, %d failed, %d left %v, %d never looked at; at most %d at once\n",
		t.done, t.failed, len(t.left), t.left, items-t.next, b.Status().Peak.InFlight)
	if ctx.Err() != nil {
		return fmt.Errorf("%w: go on with -from %d, and with those that are left", errInterrupted, t.next)
	}
	return nil
}

// numbers yields from, from+1 … below to. Rows of a query or lines of a file
// would do as well: one at a time.
func numbers(from, to int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for n := from; n < to; n++ {
			if !yield(n) {
				return
			}
		}
	}
}

// checksum is the work on one item.
func checksum(_ context.Context, item int) error {
	record := make([]byte, 4096)
	binary.LittleEndian.PutUint64(record, uint64(item))
	if sum := sha256.Sum256(record); sum[0] == 0 && sum[1] == 0 {
		return fmt.Errorf("checksum %x is not allowed", sum)
	}
	return nil
}
