//go:build !unix

package benchmarks

import "time"

// cpuTime is not implemented on this system, so the metric is 0.
func cpuTime() time.Duration { return 0 }
