package fleet

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestInFlightNeverExceedsTheTotal does to a fleet what can happen to one, in any order:
// requests and answers that are delayed or lost, writes that are carried out late, members
// cut off, paused for longer than their lease, killed and started again under the same
// name, clocks that drift, leases of different lengths, a store that forgets, and totals
// that change.
func TestInFlightNeverExceedsTheTotal(t *testing.T) {
	check(t, 100, func(t *rapid.T) {
		w := newWorld(rapid.IntRange(1, 20).Draw(t, "total"), rapid.Uint64().Draw(t, "seed"))
		defer w.end()
		w.network = network{
			delay:      rapid.SampledFrom([]time.Duration{0, 10 * time.Millisecond, time.Second, 3 * time.Second}).Draw(t, "delay"),
			loseAsk:    rapid.SampledFrom([]float64{0, 0.05, 0.3}).Draw(t, "lost requests"),
			loseAnswer: rapid.SampledFrom([]float64{0, 0.05, 0.3}).Draw(t, "lost answers"),
			late:       rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "late writes"),
		}
		// A member that has not seen the lost record cannot know of a longer lease than its own.
		leases, forgets := []time.Duration{w.ttl}, true
		if rapid.Bool().Draw(t, "different leases") {
			leases, forgets = []time.Duration{w.ttl / 2, w.ttl, 3 * w.ttl / 2}, false
		}
		ctx := t.Context()
		if rapid.Bool().Draw(t, "created") {
			if err := Create(ctx, engineOf(w), "budget"); err != nil {
				t.Fatal(err)
			}
		}
		started := 0
		start := func() {
			w.mu.Lock()
			count := len(w.procs)
			w.mu.Unlock()
			if count >= 8 {
				return
			}
			name := fmt.Sprint("p", started%8)
			started++
			scale := rapid.Float64Range(0.98, 1.02).Draw(t, "clock")
			hold := time.Duration(rapid.IntRange(200, 8000).Draw(t, "hold")) * time.Millisecond
			lease := rapid.SampledFrom(leases).Draw(t, "lease")
			p := w.start(ctx, name, 25, hold, scale, TTL(lease))
			p.load(rapid.IntRange(0, 25).Draw(t, "load"))
			w.tell("start %s, total %d, load %d of %v, lease %v, clock %.3f", name, p.total, p.want.Load(), hold, lease, scale)
		}
		for range rapid.IntRange(1, 5).Draw(t, "members") {
			start()
		}
		pick := func() *process {
			w.mu.Lock()
			defer w.mu.Unlock()
			if len(w.procs) == 0 {
				return nil
			}
			return w.procs[rapid.IntRange(0, len(w.procs)-1).Draw(t, "which")]
		}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			time.Sleep(time.Duration(rapid.IntRange(0, 15000).Draw(t, "sleep")) * time.Millisecond)
			p := pick()
			if p == nil {
				start()
				continue
			}
			switch rapid.SampledFrom([]string{"start", "load", "load", "cut", "cut", "pause", "resume", "crash", "restart", "forget", "total", "leave"}).Draw(t, "event") {
			case "start":
				start()
			case "load":
				p.load(rapid.IntRange(0, 25).Draw(t, "load"))
				w.tell("%s has load %d", p.name, p.want.Load())
			case "cut":
				p.cutOff(!p.isCut.Load())
				w.tell("%s is cut off: %v", p.name, p.isCut.Load())
			case "pause":
				if p.paused.IsZero() {
					p.pause()
					w.tell("%s is paused", p.name)
				}
			case "resume":
				if !p.paused.IsZero() {
					w.tell("%s is resumed", p.name)
					p.resume(time.Microsecond)
				}
			case "crash":
				w.tell("%s is killed", p.name)
				p.crash()
			case "restart":
				w.tell("%s is killed and started again", p.name)
				p.crash()
				started--
				start()
			case "forget":
				if forgets {
					w.tell("the store forgets")
					w.engine.forget()
				}
			case "total":
				total := rapid.IntRange(1, 20).Draw(t, "total")
				w.tell("%s has total %d", p.name, total)
				w.mu.Lock()
				p.total = total
				w.budget = total
				w.mu.Unlock()
				if err := p.member.SetTotal(total); err != nil {
					t.Fatal(err)
				}
			case "leave":
				if p.paused.IsZero() {
					w.tell("%s leaves", p.name)
					ctx, cancel := context.WithTimeout(ctx, 12*time.Second)
					err := p.member.Leave(ctx)
					cancel()
					w.tell("%s has left: %v", p.name, err)
					p.crash()
				}
			}
			synctest.Wait()
		}
		time.Sleep(20 * time.Second)
		if text := w.result(); text != "" {
			t.Fatal(text)
		}
	})
}
