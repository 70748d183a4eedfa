// Quickstart shows what a bulkhead with two slots and a waiting room for two does
// with six concurrent callers.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
)

const about = `Quickstart shows what a bulkhead with two slots and a waiting room for two does
with six concurrent callers.`

func main() {
	command.Main("quickstart", about, func(out io.Writer) error {
		run(context.Background(), out)
		return nil
	})
}

func run(ctx context.Context, out io.Writer) {
	events := make(chan bulk.Event, 16) // large enough for all events: a handler must not block
	payments := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2),
		bulk.OnEvent(func(e bulk.Event) { events <- e })))

	bank := make(chan struct{}) // closed when the bank answers
	send := func(context.Context) (string, error) {
		<-bank
		return "receipt", nil
	}

	fmt.Fprintf(out, "Bulkhead %q: 2 slots, 2 can wait. Six callers arrive while the bank is slow:\n", payments.Label())
	var callers sync.WaitGroup
	var outcome [6]string
	for i := range outcome {
		callers.Go(func() {
			receipt, err := bulk.Run(ctx, payments, send)
			switch {
			case errors.Is(err, bulk.ErrOverload): // not started: answer 503, retry later, or use a fallback
				outcome[i] = "rejected: " + err.Error()
			case err != nil:
				outcome[i] = "failed: " + err.Error()
			default:
				outcome[i] = "paid, got the " + receipt
			}
		})
		e := <-events // each arrival emits one event; wait for it before the next caller arrives
		fmt.Fprintf(out, "  caller %d: %-9v  (%d in flight, %d waiting)\n", i+1, e.Kind, e.InFlight, e.Waiting)
	}
	close(bank)
	callers.Wait()

	fmt.Fprintln(out, "The bank answers. Operations in flight finish, and their slots go to the waiting ones:")
	for i, o := range outcome {
		fmt.Fprintf(out, "  caller %d: %s\n", i+1, o)
	}
	s := payments.Status()
	fmt.Fprintf(out, "Status: %d arrived, %d admitted (%d from the waiting room), %d saturated; at most %d in flight; now %d.\n",
		s.Totals.Arrivals(), s.Totals.Admitted, s.Totals.AdmittedFromQueue, s.Totals.Saturated, s.Peak.InFlight, s.InFlight)
}
