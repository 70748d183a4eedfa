// Batch processes 100,000 items through a bulkhead with bulk.Map, in constant memory,
// with a progress bar. When interrupted with Ctrl-C, it prints how many items were
// done, and the flags with which to resume.
//
//	go run . [-items 100000] [-parallelism 8] [-from 0] [-also 17,23]
//
// The file to copy is batch.go.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/schollz/progressbar/v3"
)

func main() {
	os.Exit(run(command.UntilSignal(), os.Args[1:], checksum, os.Stdout, os.Stderr))
}

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code.
func run(ctx context.Context, args []string, work func(context.Context, int) error, stdout, stderr io.Writer) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error { return batch(ctx, cfg, work, stdout, stderr) })
}

func batch(ctx context.Context, cfg config, work func(context.Context, int) error, stdout, stderr io.Writer) error {
	b, err := bulk.New("batch", cfg.parallelism)
	if err != nil {
		return err
	}
	all := len(cfg.also) + cfg.items - cfg.from
	bar := progressbar.NewOptions(all,
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetDescription("checksums"),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())
	t := process(ctx, b, cfg.all(), work, func(item int, failure error) {
		if failure != nil {
			_ = bar.Clear()
			fmt.Fprintf(stderr, "item %d: %v\n", item, failure)
		}
		_ = bar.Add(1)
	})
	if err := bar.Exit(); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d done, %d failed, %d left %v, %d not pulled; at most %d concurrently\n",
		t.done, t.failed, len(t.left), t.left, all-t.pulled(), b.Status().Peak.InFlight)
	switch rest := cfg.after(t); {
	case ctx.Err() == nil:
		return nil
	case rest.from == rest.items && len(rest.also) == 0:
		return fmt.Errorf("%w: all items were done before the interruption", command.ErrInterrupted)
	default:
		return fmt.Errorf("%w: to resume: go run . %s", command.ErrInterrupted, rest)
	}
}

// numbers yields from, from+1, …, to-1. A real program would yield rows of a query or
// lines of a file.
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
		return fmt.Errorf("checksum %x begins with 0000", sum)
	}
	return nil
}
