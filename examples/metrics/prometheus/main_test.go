package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bulkhead_operations_admitted_total{bulkhead="payments"} 1
	// bulkhead_operations_admitted_total{bulkhead="search"} 3
	// bulkhead_operations_arrived_total{bulkhead="payments"} 2
	// bulkhead_operations_arrived_total{bulkhead="search"} 3
	// bulkhead_operations_finished_total{bulkhead="search"} 3
	// bulkhead_operations_in_flight{bulkhead="payments"} 1
	// bulkhead_operations_rejected_total{bulkhead="payments",reason="saturated",waited="no"} 1
	// bulkhead_peak_operations_in_flight{bulkhead="payments"} 1
	// bulkhead_peak_operations_in_flight{bulkhead="search"} 1
	// bulkhead_peak_slots_in_use{bulkhead="payments"} 2
	// bulkhead_peak_slots_in_use{bulkhead="search"} 1
	// bulkhead_slots{bulkhead="payments"} 2
	// bulkhead_slots{bulkhead="search"} 10
	// bulkhead_slots_in_use{bulkhead="payments"} 2
	// bulkhead_waiting_room_places{bulkhead="search"} 20
}
