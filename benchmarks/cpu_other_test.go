//go:build !unix

package benchmarks

import "time"

// cpuTime isn't known here: the metric will read 0.
func cpuTime() time.Duration { return 0 }
