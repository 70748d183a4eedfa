package bulk_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// Resize cancels nothing. A smaller parallelism holds as soon as enough slots were
// released.
func ExampleBulkhead_Resize() {
	search := bulk.Must(bulk.New("search", 2, bulk.WaitingRoom(10)))
	slot, _ := search.TryAcquireN(2)

	fmt.Println(search.Resize(1))
	fmt.Println(search.Status().InUse, search.Status().Excess(), search.Capacity().WaitingRoom)
	slot.Release()
	fmt.Println(search.Status().InUse, search.Status().Free())
	// Output:
	// <nil>
	// 2 1 10
	// 0 1
}

func ExampleBulkhead_SetCapacity() {
	search := bulk.Must(bulk.New("search", 2))
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: 8, WaitingRoom: 40, WaitLimit: time.Second}))
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: -8}))
	_ = search.Close()
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: 1}))
	fmt.Println(search.Capacity().Parallelism)
	// Output:
	// <nil>
	// bulkhead "search": parallelism -8: must be 0 (paused) or more
	// bulkhead "search": capacity not changed: bulk: closed
	// 8
}

// UpdateCapacity changes one field and keeps the others. A change that another
// goroutine makes concurrently is not lost.
func ExampleBulkhead_UpdateCapacity() {
	search := bulk.Must(bulk.New("search", 4, bulk.WaitingRoom(20)))
	err := search.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.WaitLimit = time.Second
		return c
	})
	fmt.Println(err, search.Capacity().WaitingRoom, search.Capacity().WaitLimit)
	// Output: <nil> 20 1s
}

// A parallelism of 0 pauses admission during an incident. Operations that may wait
// stay in the queue and are admitted when the bulkhead is resumed.
func ExampleStatus_Paused() {
	search := bulk.Must(bulk.New("search", 4, bulk.WaitingRoom(20)))
	_ = search.Resize(0)
	_, ok := search.TryAcquire()
	fmt.Println(search.Status().Paused(), ok)
	_ = search.Resize(4)
	_, ok = search.TryAcquire()
	fmt.Println(search.Status().Paused(), ok)
	// Output:
	// true false
	// false true
}

// An unlimited bulkhead rejects nothing and counts everything: a first step before
// the parallelism is known.
func ExampleUnlimited() {
	search := bulk.Must(bulk.New("search", bulk.Unlimited))
	for range 1000 {
		search.TryAcquire()
	}
	s := search.Status()
	fmt.Println(s.InFlight, s.Peak.InFlight, s.Totals.Rejected())
	text, _ := json.Marshal(s.Capacity)
	fmt.Println(string(text))
	// Output:
	// 1000 1000 0
	// {"parallelism":"unlimited","waiting_room":0}
}
