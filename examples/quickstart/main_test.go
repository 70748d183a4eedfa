package main

import (
	"bytes"
	"context"
	"os"
	"testing"
)

func Example() {
	run(context.Background(), os.Stdout)
	// Output:
	// Bulkhead "payments": 2 slots, 2 can wait. Six callers arrive while the bank is slow:
	//   caller 1: admitted   (1 in flight, 0 waiting)
	//   caller 2: admitted   (2 in flight, 0 waiting)
	//   caller 3: queued     (2 in flight, 1 waiting)
	//   caller 4: queued     (2 in flight, 2 waiting)
	//   caller 5: saturated  (2 in flight, 2 waiting)
	//   caller 6: saturated  (2 in flight, 2 waiting)
	// The bank answers. Operations in flight finish, and their slots go to the waiting ones:
	//   caller 1: paid, got the receipt
	//   caller 2: paid, got the receipt
	//   caller 3: paid, got the receipt
	//   caller 4: paid, got the receipt
	//   caller 5: rejected: bulkhead "payments": saturated: 2/2 slots in use, 2/2 waiting
	//   caller 6: rejected: bulkhead "payments": saturated: 2/2 slots in use, 2/2 waiting
	// Status: 6 arrived, 4 admitted (2 from the waiting room), 2 saturated; at most 2 in flight; now 0.
}

// Channels determine the order, not sleeps, so the output must not depend on the
// scheduler.
func TestOutputIsAlwaysTheSame(t *testing.T) {
	var first bytes.Buffer
	run(t.Context(), &first)
	for range 200 {
		var again bytes.Buffer
		run(t.Context(), &again)
		if !bytes.Equal(first.Bytes(), again.Bytes()) {
			t.Fatalf("two runs differ:\n%s\n%s", &first, &again)
		}
	}
}
