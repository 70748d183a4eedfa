package main

import (
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
)

func TestBulkheadsDivideTheWorkers(t *testing.T) {
	sum := 0
	for i, b := range newBulkheads() {
		c := b.Capacity()
		share := c.Parallelism + c.WaitingRoom
		if share >= workers {
			t.Errorf("%v can occupy all %d workers", target(i), workers)
		}
		sum += share
	}
	if sum != workers {
		t.Errorf("the bulkheads admit or queue %d calls, want %d, the number of workers", sum, workers)
	}
}

func TestGuardedCallsGoThroughTheirOwnBulkheads(t *testing.T) {
	guards := newBulkheads()
	calls := guards.guard([targets]call{fast: answer("fast"), slow: answer("slow")})
	for i, n := range []int{2, 3} {
		for range n {
			if got, err := calls[i](t.Context()); got != target(i).String() || err != nil {
				t.Errorf("%v: %q, %v", target(i), got, err)
			}
		}
	}
	statuses, err := guards.shutdown(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []uint64{2, 3} {
		if got := statuses[i].Totals.Admitted; got != n {
			t.Errorf("%v: %d admitted, want %d", target(i), got, n)
		}
	}
	if _, err := calls[slow](t.Context()); !bulk.NotStarted(err, guards[slow]) {
		t.Errorf("after the shutdown: %v", err)
	}
}
