package model_test

import (
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/propcheck/model"
)

// The model answers by itself what should happen: here a slot is free while a
// larger operation waits for two.
func ExampleModel() {
	m := model.New("payments", bulk.Capacity{Parallelism: 2, WaitingRoom: 5})
	now := time.Now()
	for op, slots := range []int{1, 2, 1} {
		fmt.Println(m.Arrive(now, model.Arrival{Op: op, Slots: slots}, false))
	}
	m.Release(now, 0)
	fmt.Println("in flight:", m.InFlight[0].Op)
	// Output:
	// #0 is admitted (rule 5)
	// #1 is queued (rule 7)
	// #2 is queued (rule 7)
	// in flight: 1
}
