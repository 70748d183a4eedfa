package adaptive_test

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/adaptive"
	"github.com/bulklink/bulklink-go/bulk"
)

func TestMeasuredOperationsAllocateNothing(t *testing.T) {
	b := bulk.Must(bulk.New("x", 20))
	l := mustLimit(t, b, 5, 100)
	ctx := t.Context()
	run := bulk.Guard(b, adaptive.Measure(l, func(context.Context) (int, error) { return 1, nil }))
	do := bulk.GuardDo(b, adaptive.MeasureDo(l, func(context.Context) error { return nil }))
	for name, f := range map[string]func(){
		"Measure":   func() { _, _ = run(ctx) },
		"MeasureDo": func() { _ = do(ctx) },
		"Begin":     func() { end := l.Begin(); end(nil) },
		"Status":    func() { _ = l.Status() },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkMeasured(b *testing.B) {
	h := bulk.Must(bulk.New("x", bulk.Unlimited))
	l, err := adaptive.New(bulk.Must(bulk.New("y", 20)), 5, 100)
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	fn := func(context.Context) (int, error) { return 1, nil }
	for name, call := range map[string]func(context.Context) (int, error){
		"Guarded":  bulk.Guard(h, fn),
		"Measured": bulk.Guard(h, adaptive.Measure(l, fn)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = call(ctx)
			}
		})
		b.Run(name+"Parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = call(ctx)
				}
			})
		})
	}
}
