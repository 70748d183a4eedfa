package bulk

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/result"
)

// Map runs fn on each item of in, as many concurrently as b has slots, and yields
// each item with its result in the order of the input.
//
// Each item is one admission. On a bulkhead that other callers use too, or whose
// capacity changes, an item can be rejected: its result is an [*AdmissionError].
// The items that run plus the results that are not yet yielded never exceed the
// parallelism, which is read anew for each item (while b is paused, one item is
// pulled, so that the loop gets its result). So memory is bounded however long in
// is, and yielded results are not kept. A bulkhead that is [Unlimited] bounds
// neither.
//
// fn runs on other goroutines, with a ctx that is derived from the caller's and
// canceled when the consumer stops. When ctx ends, no further item is pulled, and
// each item that was pulled still yields its one result. Items ask for admission
// independently, so an item that was canceled can be followed by one that ran: to
// resume, check every result, not only the last.
//
// If fn panics or calls runtime.Goexit, the other items are canceled and waited
// for; then the panic or exit propagates in the consumer's goroutine, also if the
// consumer has stopped. The stack of the goroutine that panicked is lost. No
// goroutine is left when the loop over the sequence ends.
//
// Pulling from in and yielding share the consumer's goroutine: while in blocks, no
// result is yielded. A nil fn panics.
func Map[In, Out any](ctx context.Context, b *Bulkhead, in iter.Seq[In], fn func(context.Context, In) (Out, error), limits ...deadline.Limit) iter.Seq2[In, result.Result[Out]] {
	mustHave(fn != nil, "Map")
	return mapSeq(ctx, b, in, Guard1(b, fn, limits...), true)
}

// MapUnordered is [Map] that yields each result as soon as it is there: a slow item
// holds up no other.
func MapUnordered[In, Out any](ctx context.Context, b *Bulkhead, in iter.Seq[In], fn func(context.Context, In) (Out, error), limits ...deadline.Limit) iter.Seq2[In, result.Result[Out]] {
	mustHave(fn != nil, "MapUnordered")
	return mapSeq(ctx, b, in, Guard1(b, fn, limits...), false)
}

func mapSeq[In, Out any](ctx context.Context, b *Bulkhead, in iter.Seq[In], fn func(context.Context, In) (Out, error), ordered bool) iter.Seq2[In, result.Result[Out]] {
	return func(yield func(In, result.Result[Out]) bool) {
		own, cancel := context.WithCancelCause(ctx)
		m := mapper[In, Out]{
			bulkhead: b, caller: ctx, ctx: own, cancel: cancel, fn: fn, ordered: ordered, yield: yield,
			finished: make(chan *mapItem[In, Out]), aborted: make(chan struct{}), stopped: make(chan struct{}),
		}
		returned := false
		defer func() {
			cancel(nil)
			close(m.stopped)
			m.workers.Wait()
			if returned && m.rethrow != nil {
				m.rethrow() // unless the consumer or in is panicking already
			}
		}()
		m.run(in)
		returned = true
	}
}

// mapper is one loop over the sequence that Map returned. Its fields belong to the
// consumer's goroutine, except the channels.
type mapper[In, Out any] struct {
	bulkhead *Bulkhead
	caller   context.Context
	ctx      context.Context // of the workers
	cancel   context.CancelCauseFunc
	fn       func(context.Context, In) (Out, error)
	ordered  bool
	yield    func(In, result.Result[Out]) bool

	pending  int                 // items that were pulled and not yet yielded
	window   []*mapItem[In, Out] // these items in order; not used without ordered
	workers  sync.WaitGroup
	finished chan *mapItem[In, Out] // each item once, from its worker
	stopped  chan struct{}          // closed when nothing receives from finished any more

	abortOnce sync.Once
	aborted   chan struct{} // closed when an fn did not return
	rethrow   func()        // what it did instead; set before aborted is closed
}

// mapItem is an item that was pulled.
type mapItem[In, Out any] struct {
	item     In
	result   result.Result[Out]
	received bool // its worker has finished
}

func (m *mapper[In, Out]) run(in iter.Seq[In]) {
	if m.ended() {
		return
	}
	for item := range in {
		for m.full() { // the parallelism was lowered while in was pulled
			if !m.yieldNext(true) {
				return
			}
		}
		if isClosed(m.aborted) {
			return
		}
		m.ended()
		m.start(item)
		// At least one result for each item, so that a slow consumer that had many
		// results to take does not leave the slots idle meanwhile.
		if !m.yieldNext(false) {
			return
		}
		for m.full() {
			if !m.yieldNext(true) {
				return
			}
		}
		if m.ended() || isClosed(m.aborted) {
			break
		}
	}
	for m.pending > 0 {
		if !m.yieldNext(true) {
			return
		}
	}
}

// ended reports whether the caller's ctx is done. The ctx of the workers is then
// canceled too: it may not have noticed yet if the caller's is not of package
// context.
func (m *mapper[In, Out]) ended() bool {
	end := ctxEndOf(m.caller)
	if end != nil {
		m.cancel(end.cause)
	}
	return end != nil
}

// full reports whether no further item may be pulled. While the bulkhead is paused
// one may, so that the loop gets its result.
func (m *mapper[In, Out]) full() bool {
	return m.pending >= max(1, m.bulkhead.Capacity().Parallelism)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// yieldNext yields the next result and reports whether to go on. If the result is
// not there yet, it waits, or yields nothing if it must not block.
func (m *mapper[In, Out]) yieldNext(block bool) bool {
	next := m.next(block)
	if next == nil {
		return !isClosed(m.aborted)
	}
	m.pending--
	return !isClosed(m.aborted) && m.yield(next.item, next.result)
}

// next returns the item whose result is to be yielded next. It returns nil if an fn
// did not return, or if there is none yet and it must not block.
func (m *mapper[In, Out]) next(block bool) *mapItem[In, Out] {
	for {
		if m.ordered && m.window[0].received {
			first := m.window[0]
			m.window[0] = nil // or it would be reachable until append moves the window
			m.window = m.window[1:]
			return first
		}
		item := m.receive(block)
		if item == nil || !m.ordered {
			return item
		}
		item.received = true
	}
}

// receive returns an item whose worker has finished, or nil.
func (m *mapper[In, Out]) receive(block bool) *mapItem[In, Out] {
	if !block {
		select {
		case item := <-m.finished:
			return item
		default:
			return nil
		}
	}
	select {
	case item := <-m.finished:
		return item
	case <-m.aborted:
		return nil
	}
}

func (m *mapper[In, Out]) start(item In) {
	next := &mapItem[In, Out]{item: item}
	m.pending++
	if m.ordered {
		m.window = append(m.window, next)
	}
	m.workers.Go(func() {
		returned := false
		defer func() {
			if !returned {
				m.abort(recover())
			}
		}()
		next.result = result.Of(m.fn(m.ctx, item))
		returned = true
		select {
		case m.finished <- next:
		case <-m.stopped:
		}
	})
}

// abort records how the first fn that did not return ended: by a panic with the
// recovered value, or by runtime.Goexit.
func (m *mapper[In, Out]) abort(recovered any) {
	m.abortOnce.Do(func() {
		m.rethrow = runtime.Goexit
		if recovered != nil {
			m.rethrow = func() { panic(recovered) }
		}
		close(m.aborted)
		m.cancel(nil)
	})
}
