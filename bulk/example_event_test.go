package bulk_test

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bulklink/bulklink-go/bulk"
)

func ExampleOnEvent() {
	log := func(e bulk.Event) {
		fmt.Printf("%d %s: %d slots, %d/%d in use\n", e.Seq, e.Kind, e.Slots, e.InUse, e.Capacity.Parallelism)
	}
	search := bulk.Must(bulk.New("search", 2, bulk.OnEvent(log)))
	slot, _ := search.TryAcquireN(2)
	search.TryAcquire()
	slot.Release()
	// Output:
	// 1 admitted: 2 slots, 2/2 in use
	// 2 saturated: 1 slots, 2/2 in use
	// 3 released: 2 slots, 0/2 in use
}

// A handler can be removed.
func ExampleBulkhead_OnEvent() {
	search := bulk.Must(bulk.New("search", 2))
	rejected := 0
	remove := search.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventSaturated {
			rejected++
		}
	})
	for range 5 {
		search.TryAcquire()
	}
	remove()
	search.TryAcquire()
	fmt.Println(rejected)
	// Output:
	// 3
}

// A handler that panics does not fail the operation.
func ExampleOnHandlerPanic() {
	search := bulk.Must(bulk.New("search", 2,
		bulk.OnEvent(func(bulk.Event) { panic("no disk space") }),
		bulk.OnHandlerPanic(func(e bulk.Event, recovered any) {
			fmt.Println("handler of", e.Kind, "panicked:", recovered)
		})))
	_, ok := search.TryAcquire()
	fmt.Println(ok)
	// Output:
	// handler of admitted panicked: no disk space
	// true
}

func ExampleEventKind() {
	search := bulk.Must(bulk.New("search", 2))
	search.OnEvent(func(e bulk.Event) {
		switch e.Kind {
		case bulk.EventResized:
			fmt.Println(e.Label, e.Kind, "from", e.Previous.Parallelism, "to", e.Capacity.Parallelism)
		case bulk.EventClosed:
			fmt.Println(e.Label, e.Kind, "with", e.InFlight, "in flight")
		default:
			fmt.Println(e.Label, e.Kind)
		}
	})
	_ = search.Resize(3)
	_ = search.Close()
	// Output:
	// search resized from 2 to 3
	// search closed with 0 in flight
	// search drained
}

// A handler that passes events to another goroutine and never makes an operation
// wait: events for which the channel has no room are dropped and counted.
func ExampleOnEvent_channel() {
	events := make(chan bulk.Event, 3)
	var dropped atomic.Uint64
	search := bulk.Must(bulk.New("search", 1, bulk.OnEvent(func(e bulk.Event) {
		select {
		case events <- e:
		default:
			dropped.Add(1)
		}
	})))
	for range 5 {
		search.TryAcquire()
	}

	var reader sync.WaitGroup
	reader.Go(func() {
		for e := range events {
			fmt.Println(e.Seq, e.Kind)
		}
	})
	close(events) // only when no event can follow: here, all calls have returned
	reader.Wait()
	fmt.Println(dropped.Load(), "dropped")
	// Output:
	// 1 admitted
	// 2 saturated
	// 3 saturated
	// 2 dropped
}
