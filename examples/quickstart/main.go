// Quickstart shows a bulkhead at work: six callers at once, two slots, two
// places to wait.
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

const about = `Quickstart shows a bulkhead with two slots and two places to wait, and what
happens to six concurrent callers. It needs nothing, and takes no time.`

func main() {
	command.Main("quickstart", about, func(out io.Writer) error {
		run(context.Background(), out)
		return nil
	})
}

func run(ctx context.Context, out io.Writer) {
	events := make(chan bulk.Event, 16) // room for all of them: a handler must not block
	payments := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(2),
		bulk.OnEvent(func(e bulk.Event) { events <- e })))

	bank := make(chan struct{}) // closed: the bank answers
	send := func(context.Context) (string, error) {
		<-bank
		return "receipt", nil
	}

	fmt.Fprintf(out, "Bulkhead %q: 2 slots, 2 may wait. Six callers, and the bank takes its time:\n", payments.Label())
	var callers sync.WaitGroup
	var outcome [6]string
	for i := range outcome {
		callers.Go(func() {
			receipt, err := bulk.Run(ctx, payments, send)
			switch {
			case errors.Is(err, bulk.ErrOverload): // not started: answer 503, try later, or do without
				outcome[i] = "turned away: " + err.Error()
			case err != nil:
				outcome[i] = "failed: " + err.Error()
			default:
				outcome[i] = "paid, has the " + receipt
			}
		})
		e := <-events // each arrival makes one event; the next caller comes after it
		fmt.Fprintf(out, "  caller %d: %-9v  (%d in flight, %d waiting)\n", i+1, e.Kind, e.InFlight, e.Waiting)
	}
	close(bank)
	callers.Wait()

	fmt.Fprintln(out, "The bank answers. Those in flight finish and hand their slots to those who wait:")
	for i, o := range outcome {
		fmt.Fprintf(out, "  caller %d: %s\n", i+1, o)
	}
	s := payments.Status()
	fmt.Fprintf(out, "Status: %d arrived, %d admitted (%d from the waiting room), %d saturated; at most %d in flight; now %d.\n",
		s.Totals.Arrivals(), s.Totals.Admitted, s.Totals.AdmittedFromQueue, s.Totals.Saturated, s.Peak.InFlight, s.InFlight)
}
