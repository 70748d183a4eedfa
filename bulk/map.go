package bulk

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/result"
)

// Map runs fn on each item of in, as many at once as b's parallelism, and
// yields each item with its result, in the order of the input.
//
// Each item is one admission, so on a bulkhead that others use too, items can
// be turned away, and so they can by a change of its capacity: their result is
// an [*AdmissionError]. Items that run plus
// results that have not been yielded yet never exceed the parallelism, which is
// read anew for each item, so that memory is bounded however long in is.
//
// fn runs on goroutines of its own, with a ctx derived from the caller's that
// is canceled when the consumer stops. When ctx ends no further item is
// pulled; each that was pulled still yields its one result. Each asks for
// admission by itself, so that among the last ones an item can be canceled
// while one after it has run: who resumes looks at each result. A panic or
// runtime.Goexit in fn cancels the others, waits for them, and then goes on up
// in the consumer, also if that has stopped already; the stack of the goroutine
// that panicked is lost. When the loop over the sequence is over, no goroutine
// is left.
//
// Pulling from in and yielding share the consumer's goroutine: while in blocks,
// no result is yielded. A nil fn panics.
func Map[In, Out any](ctx context.Context, b *Bulkhead, in iter.Seq[In], fn func(context.Context, In) (Out, error), limits ...deadline.Limit) iter.Seq2[In, result.Result[Out]] {
	mustHave(fn != nil, "Map")
	guarded := Guard1(b, fn, limits...)
	return func(yield func(In, result.Result[Out]) bool) {
		own, cancel := context.WithCancelCause(ctx)
		m := mapping[In, Out]{bulkhead: b, caller: ctx, ctx: own, cancel: cancel, fn: guarded, yield: yield, broken: make(chan struct{})}
		returned := false
		defer func() {
			cancel(nil)
			m.workers.Wait()
			if returned && m.exit != nil {
				m.exit() // unless the consumer or in is on its way up already
			}
		}()
		m.run(in)
		returned = true
	}
}

// mapping is one loop over what Map returned.
type mapping[In, Out any] struct {
	bulkhead *Bulkhead
	caller   context.Context
	ctx      context.Context // of the workers
	cancel   context.CancelCauseFunc
	fn       func(context.Context, In) (Out, error)
	yield    func(In, result.Result[Out]) bool
	window   []*mapped[In, Out] // pulled and not yet yielded, in order
	workers  sync.WaitGroup

	breaking sync.Once
	broken   chan struct{} // closed when an fn did not return
	exit     func()        // what it did instead; set before broken is closed
}

// mapped is one item on its way.
type mapped[In, Out any] struct {
	item   In
	done   chan struct{} // closed when result is set
	result result.Result[Out]
}

func (m *mapping[In, Out]) run(in iter.Seq[In]) {
	if m.ended() {
		return
	}
	for item := range in {
		for m.full() { // a shrink while in was pulled
			if !m.yieldFirst() {
				return
			}
		}
		if isClosed(m.broken) {
			return
		}
		m.ended()
		m.start(item)
		// One result for each item, so that a slow consumer doesn't keep the
		// slots idle until it has had all that are ready.
		for more := m.full() || m.ready(); more; more = m.full() {
			if !m.yieldFirst() {
				return
			}
		}
		if m.ended() || isClosed(m.broken) {
			break
		}
	}
	for len(m.window) > 0 {
		if !m.yieldFirst() {
			return
		}
	}
}

// ended reports whether the caller's ctx has. The workers' ctx has then ended
// too, which in the case of a foreign ctx it may not have heard of yet.
func (m *mapping[In, Out]) ended() bool {
	end := ctxEndOf(m.caller)
	if end != nil {
		m.cancel(end.cause)
	}
	return end != nil
}

// full reports whether as many items are on their way as there are slots.
func (m *mapping[In, Out]) full() bool {
	return len(m.window) >= m.bulkhead.Capacity().Parallelism
}

// ready reports whether the next result can be yielded without waiting for it.
// There is a next one.
func (m *mapping[In, Out]) ready() bool { return isClosed(m.window[0].done) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// yieldFirst yields the next result and reports whether to go on.
func (m *mapping[In, Out]) yieldFirst() bool {
	first := m.window[0]
	m.window[0] = nil // or it would be reachable until append moves the window
	m.window = m.window[1:]
	select {
	case <-first.done:
	case <-m.broken:
	}
	return !isClosed(m.broken) && m.yield(first.item, first.result)
}

func (m *mapping[In, Out]) start(item In) {
	next := &mapped[In, Out]{item: item, done: make(chan struct{})}
	m.window = append(m.window, next)
	m.workers.Go(func() {
		returned := false
		defer func() {
			if !returned {
				m.leaveBy(recover())
			}
		}()
		next.result = result.Of(m.fn(m.ctx, item))
		returned = true
		close(next.done)
	})
}

// leaveBy notes how the first fn that didn't return went instead: a panic with
// what was recovered, or runtime.Goexit.
func (m *mapping[In, Out]) leaveBy(recovered any) {
	m.breaking.Do(func() {
		m.exit = runtime.Goexit
		if recovered != nil {
			m.exit = func() { panic(recovered) }
		}
		close(m.broken)
		m.cancel(nil)
	})
}
