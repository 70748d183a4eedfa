package sizing

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

func one(context.Context) (int, error) { return 1, nil }

// The cost of an operation of a bulkhead that a shadow or a recorder listens to, beside
// that of a bulkhead without a handler and of one with an empty handler.
func BenchmarkRun(b *testing.B) {
	run := func(b *testing.B, x *bulk.Bulkhead) {
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = bulk.Run(ctx, x, one)
		}
	}
	c := bulk.Capacity{Parallelism: 4, WaitingRoom: 8, WaitLimit: time.Second}
	b.Run("Alone", func(b *testing.B) { run(b, newWith(b, bulk.Capacity{Parallelism: bulk.Unlimited})) })
	b.Run("Handler", func(b *testing.B) {
		run(b, newWith(b, bulk.Capacity{Parallelism: bulk.Unlimited}, bulk.OnEvent(func(bulk.Event) {})))
	})
	b.Run("Shadow", func(b *testing.B) {
		x := newWith(b, bulk.Capacity{Parallelism: bulk.Unlimited})
		s, err := NewShadow(x, c)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		run(b, x)
	})
	b.Run("Recorder", func(b *testing.B) {
		x := newWith(b, bulk.Capacity{Parallelism: bulk.Unlimited})
		r, err := NewRecorder(x, 10_000)
		if err != nil {
			b.Fatal(err)
		}
		defer r.Close()
		run(b, x)
	})
}

// poisson returns a trace of n operations that come at random to an unlimited bulkhead,
// with a load of the given number of slots.
func poisson(n int, load float64) Trace {
	random := rand.New(rand.NewPCG(1, 2))
	t := Trace{Label: "payments", Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Capacity: bulk.Capacity{Parallelism: bulk.Unlimited}}
	at := 0.0
	for range n {
		at += random.ExpFloat64() * float64(time.Millisecond) / load
		t.Operations = append(t.Operations, Operation{
			Arrived: time.Duration(at), Slots: 1, Hold: time.Duration(random.ExpFloat64() * float64(time.Millisecond)), Outcome: Finished,
		})
	}
	return t
}

func BenchmarkReplayOfAMillionOperations(b *testing.B) {
	t := poisson(1_000_000, 9)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Replay(bulk.Capacity{Parallelism: 10, WaitingRoom: 20, WaitLimit: 10 * time.Millisecond}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadTraceOf100000Operations(b *testing.B) {
	var text bytes.Buffer
	if _, err := poisson(100_000, 9).WriteTo(&text); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := ReadTrace(bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}
