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
	// bulkhead.slot.limit bulkhead.name=payments 2 {slot}
	// bulkhead.waiting_room.limit bulkhead.name=payments 20 {operation}
	// bulkhead.status bulkhead.name=payments,bulkhead.state=closed 1 1
	// bulkhead.operation.arrived bulkhead.name=payments 2 {operation}
	// bulkhead.operation.admitted bulkhead.name=payments 1 {operation}
	// bulkhead.operation.finished bulkhead.name=payments 1 {operation}
	// bulkhead.operation.rejected bulkhead.name=payments,bulkhead.rejection.reason=closed,bulkhead.rejection.waited=false 1 {operation}
}
