package bulkslog_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkslog"
)

func TestEventThatIsNotLoggedAllocatesNothing(t *testing.T) {
	l := bulkslog.New(slog.New(slog.NewTextHandler(io.Discard, nil)), bulkslog.First(1), bulkslog.Interval(time.Hour))
	for name, e := range map[string]bulk.Event{
		"left out": {Kind: bulk.EventSaturated, Label: "payments", At: time.Now()},
		"disabled": {Kind: bulk.EventAdmitted, Label: "payments", At: time.Now()},
	} {
		l.Log(e)
		if n := testing.AllocsPerRun(1000, func() { l.Log(e) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkLog(b *testing.B) {
	for name, kind := range map[string]bulk.EventKind{"left out": bulk.EventSaturated, "disabled": bulk.EventAdmitted} {
		b.Run(name, func(b *testing.B) {
			l := bulkslog.New(slog.New(slog.NewTextHandler(io.Discard, nil)), bulkslog.Interval(time.Hour))
			e := bulk.Event{Kind: kind, Label: "payments", At: time.Now()}
			b.ReportAllocs()
			for b.Loop() {
				l.Log(e)
			}
		})
	}
}
