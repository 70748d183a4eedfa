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
	// call 1: answered
	// call 2: answered
	// call 3: answered
	// call 4: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
	// call 5: ResourceExhausted: bulkhead "orders": saturated: 1/1 slots in use, 2/2 waiting
}
