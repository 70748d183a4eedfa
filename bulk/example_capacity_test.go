package bulk_test

import (
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
	// bulkhead "search": parallelism -8: must be at least 1
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
