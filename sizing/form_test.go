package sizing

import (
	"context"
	"sync"
	"testing"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/printtest"
)

// Run with -race: printing must not read fields that other goroutines write.
func TestPrintingShowsTheBulkheadAndReadsNoGuardedField(t *testing.T) {
	b := bulk.Must(bulk.New("payments", 2))
	s, r := shadowOf(t, b, bulk.Capacity{Parallelism: 1}), recorderOf(t, b, 5)
	var all sync.WaitGroup
	all.Go(func() {
		for range 200 {
			_ = bulk.Do(t.Context(), b, func(context.Context) error { return nil })
		}
	})
	printtest.Check(t, s, `shadow of bulkhead "payments"`)
	printtest.Check(t, r, `recorder of bulkhead "payments"`)
	all.Wait()
	if err := s.Close(); err != nil || r.Close() != nil {
		t.Error(err)
	}
	printtest.Check(t, (*Shadow)(nil), "<nil>")
	printtest.Check(t, (*Recorder)(nil), "<nil>")
}
