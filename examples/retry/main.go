// Retry puts a guarded call inside a retry, with each of four libraries. Every
// attempt is admitted separately, and no slot is held during the backoff.
//
//	go run .
//
// Copy the file of your library (backoff.go, avast.go, sethvargo.go,
// failsafe.go) and predicate.go, which they share.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

// retrier calls guarded, which goes through b, until it succeeds, its error is not
// worth another attempt, or the attempts are used up.
type retrier func(ctx context.Context, b *bulk.Bulkhead, guarded func(context.Context) (string, error)) (string, error)

var libraries = []struct {
	name  string
	retry retrier
}{
	{"cenkalti/backoff", withBackoff[string]},
	{"avast/retry-go", withAvast[string]},
	{"sethvargo/go-retry", withSethvargo[string]},
	{"failsafe-go", withFailsafe[string]},
}

const about = `Retry calls a bank that fails twice through a bulkhead, with each of four retry
libraries, and prints how many attempts each has made.`

func main() {
	command.Main("retry", about, func(out io.Writer) error {
		run(context.Background(), out)
		return nil
	})
}

func run(ctx context.Context, out io.Writer) {
	for _, library := range libraries {
		bank := bulk.Must(bulk.New("bank", 1, bulk.WaitingRoom(10)))
		tries := 0
		// A bank that fails twice before it answers.
		pay := func(context.Context) (string, error) {
			if tries++; tries <= 2 {
				return "", fmt.Errorf("bank: maintenance: %w", errTemporary)
			}
			return "receipt", nil
		}
		receipt, err := library.retry(ctx, bank, bulk.Guard(bank, pay))
		fmt.Fprintf(out, "%-18s  %q, %v after %d attempts, each admitted separately: %d admissions\n",
			library.name, receipt, err, tries, bank.Status().Totals.Admitted)

		// After Close the call is rejected as closed, which is not retried.
		bank.Close()
		_, err = library.retry(ctx, bank, bulk.Guard(bank, pay))
		fmt.Fprintf(out, "%-18s  closed: %v after %d attempt\n", "", err, bank.Status().Totals.ClosedAtArrival)
	}
}
