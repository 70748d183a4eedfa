// Breaker puts a circuit breaker around a guarded call, so that it opens when
// the dependency fails and not when its bulkhead is full.
//
//	go run .
//
// The file to copy is breaker.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/sony/gobreaker/v2"
)

const about = `Breaker puts a circuit breaker around a guarded call. It opens when the
dependency fails, and not when the bulkhead is full.`

func main() {
	command.Main("breaker", about, func(out io.Writer) error {
		run(context.Background(), out)
		return nil
	})
}

func run(ctx context.Context, out io.Writer) {
	bank := bulk.Must(bulk.New("bank", 1))
	breaker := newBreaker[string]("bank")
	naive := gobreaker.NewCircuitBreaker[string](gobreaker.Settings{Name: "bank"}) // counts every error

	down := false
	charge := bulk.Guard(bank, func(context.Context) (string, error) {
		if down {
			return "", errors.New("bank: connection refused")
		}
		return "receipt", nil
	})
	call, callNaive := broken(breaker, charge), broken(naive, charge)
	show := func(when string) {
		fmt.Fprintf(out, "%-28s  breaker %v, without IsExcluded %v\n", when, breaker.State(), naive.State())
	}
	times := func(n int, call func(context.Context) (string, error)) (err error) {
		for range n {
			_, err = call(ctx)
		}
		return err
	}

	slot, _ := bank.TryAcquire() // one slow operation; the bank is healthy
	_ = times(20, callNaive)
	err := times(20, call)
	fmt.Fprintln(out, err)
	c := breaker.Counts()
	fmt.Fprintf(out, "of %d calls %d excluded, %d failures\n", c.Requests, c.TotalExclusions, c.TotalFailures)
	show("20 calls while it was full:")
	slot.Release()

	down = true
	err = times(6, call)
	fmt.Fprintln(out, err)
	show("6 calls that failed:")

	admitted := bank.Status().Totals.Admitted
	err = times(100, call)
	fmt.Fprintf(out, "%v: %d of 100 calls reached the bulkhead\n", err, bank.Status().Totals.Admitted-admitted)
}
