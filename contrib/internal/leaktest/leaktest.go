// Package leaktest checks that a test leaves no goroutine and no slot behind.
package leaktest

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// patience is how long a goroutine or an operation may take to end after the test.
const patience = time.Minute

// Goroutines fails the test if a goroutine that was started during the test still runs
// after its other cleanup functions. Call it first, so that its check runs last. Tests
// that call it must not run in parallel.
func Goroutines(t testing.TB) {
	t.Helper()
	before := stacks()
	t.Cleanup(func() {
		var left []string
		settled := eventually(func() bool {
			left = nil
			for id, stack := range stacks() {
				if _, ok := before[id]; !ok {
					left = append(left, stack)
				}
			}
			return len(left) == 0
		})
		if !settled {
			t.Errorf("%d goroutines are left:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
	})
}

// Slots fails the test if an operation is in flight or waiting in b at the end of the
// test.
func Slots(t testing.TB, b *bulk.Bulkhead) {
	t.Helper()
	t.Cleanup(func() {
		if !eventually(func() bool { s := b.Status(); return s.InFlight == 0 && s.Waiting == 0 }) {
			t.Errorf("operations are left: %v", b.Status())
		}
	})
}

// eventually reports whether the condition holds within patience.
func eventually(holds func() bool) bool {
	for pause, end := time.Millisecond, time.Now().Add(patience); ; pause = min(2*pause, 100*time.Millisecond) {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
		time.Sleep(pause)
	}
}

// stacks returns the stack of each goroutine but the caller's, by the number of the
// goroutine.
func stacks() map[string]string {
	text := make([]byte, 1<<16)
	for {
		n := runtime.Stack(text, true)
		if n < len(text) {
			text = text[:n]
			break
		}
		text = make([]byte, 2*len(text))
	}
	all := map[string]string{}
	for i, stack := range strings.Split(string(text), "\n\n") {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		if i > 0 { // the first one is the caller
			all[id] = stack
		}
	}
	return all
}
