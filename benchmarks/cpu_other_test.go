//go:build !unix

package benchmarks

import "time"

// cpuTime returns 0: the standard library has no portable call for the processor time.
// Benchmarks then omit cpu-ns/op.
func cpuTime() time.Duration { return 0 }
