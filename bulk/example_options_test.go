package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

func ExampleNew() {
	b, err := bulk.New("inventory", 8, bulk.WaitingRoom(20), bulk.WaitLimit(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Label(), b.Capacity().Parallelism)

	_, err = bulk.New(" ", 0, bulk.WaitingRoom(-1)) // all problems in one error
	fmt.Println(err)
	// Output:
	// inventory 8
	// bulk: label " ": must not be empty or only spaces
	// bulk: parallelism 0: must be at least 1
	// bulk: waiting_room -1: must be 0 (no waiting room) or more
}

// Must is for package-level variables:
//
//	var search = bulk.Must(bulk.New("search", 4))
func ExampleMust() {
	search := bulk.Must(bulk.New("search", 4))
	fmt.Println(search.Label())

	defer func() { fmt.Println("panic:", recover()) }()
	bulk.Must(bulk.New("search", 0))
	// Output:
	// search
	// panic: bulkhead "search": parallelism 0: must be at least 1
}

// The second operation waits in the waiting room for as long as the wait limit
// allows. The third one finds the waiting room full and is rejected immediately.
func ExampleWaitLimit() {
	search := bulk.Must(bulk.New("search", 1, bulk.WaitingRoom(1), bulk.WaitLimit(50*time.Millisecond)))
	slot, _ := search.TryAcquire()
	defer slot.Release()

	queued := make(chan bool, 1)
	search.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventQueued {
			queued <- true
		}
	})
	expired := make(chan error)
	go func() {
		_, err := search.Acquire(context.Background())
		expired <- err
	}()
	<-queued
	_, err := search.Acquire(context.Background())
	fmt.Println(err)
	fmt.Println(<-expired)
	// Output:
	// bulkhead "search": saturated: 1/1 slots in use, 1/1 waiting
	// bulkhead "search": expired after 50ms: 1/1 slots in use, 0/1 waiting
}

// Several options can be joined into one and shared, and later options override
// earlier ones. An option of a program can be written in terms of others.
func ExampleOption() {
	var quick bulk.Option = option.Join(bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond))
	var tenSecondsOf = func(perSecond int) bulk.Option {
		return func(c *bulk.Config) error { return bulk.WaitingRoom(10 * perSecond)(c) }
	}
	inventory := bulk.Must(bulk.New("inventory", 8, quick))
	search := bulk.Must(bulk.New("search", 4, quick, tenSecondsOf(30)))

	for _, b := range []*bulk.Bulkhead{inventory, search} {
		c := b.Capacity()
		fmt.Println(b.Label(), c.Parallelism, c.WaitingRoom, c.WaitLimit)
	}
	// Output:
	// inventory 8 20 100ms
	// search 4 300 100ms
}

func ExampleConfigError() {
	err := bulk.Capacity{Parallelism: 4, WaitLimit: -time.Second}.Validate()
	fmt.Println(err)
	var e *bulk.ConfigError
	if errors.As(err, &e) {
		fmt.Println(e.Field, e.Value, errors.Is(err, bulk.ErrConfig))
	}
	// Output:
	// bulk: wait_limit -1s: must be 0 (no limit) or more
	// wait_limit -1s true
}

// Once the waiting room has not been empty for 100 ms, an operation waits for at most
// 5 ms. Without delay control each would wait for the whole second.
func ExampleControlDelay() {
	search := bulk.Must(bulk.New("search", 10,
		bulk.WaitingRoom(50), bulk.WaitLimit(time.Second),
		bulk.ControlDelay(5*time.Millisecond, 100*time.Millisecond)))
	c := search.Capacity()
	fmt.Println(c.WaitLimit, c.DelayTarget, c.DelayInterval)

	_, err := bulk.New("search", 10, bulk.ControlDelay(5*time.Millisecond, 0))
	fmt.Println(err)
	// Output:
	// 1s 5ms 100ms
	// bulkhead "search": delay_interval 0s: must be more than 0 with a delay target
}

// With TrackHolds an operation that hangs is visible while it hangs.
func ExampleTrackHolds() {
	search := bulk.Must(bulk.New("search", 10, bulk.TrackHolds()))
	slot, _ := search.TryAcquire()
	fmt.Println(search.Status().OldestHold > 0)
	slot.Release()
	fmt.Println(search.Status().OldestHold)
	// Output:
	// true
	// 0s
}
