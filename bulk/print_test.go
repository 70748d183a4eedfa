package bulk_test

import (
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/printtest"
)

// Run with -race: printing must not read fields that other goroutines write.
func TestPrintingABulkheadShowsItsLabelAndReadsNoGuardedField(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 2, bulk.WaitingRoom(1)))
	var g sync.WaitGroup
	for range 2 {
		g.Go(func() {
			for n := range 200 {
				_, _ = bulk.Run(t.Context(), b, one)
				mustResize(t, b, 2+n%2)
			}
		})
	}
	for range 3 {
		printtest.Check(t, b, `bulkhead "payments"`)
	}
	g.Wait()
	b.Close()
	printtest.Check(t, b, `bulkhead "payments"`)
}

func TestPrintingANilBulkheadDoesNotPanic(t *testing.T) {
	printtest.Check(t, (*bulk.Bulkhead)(nil), "<nil>")
}
