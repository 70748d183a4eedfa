package fleet

import "time"

// clock is the clock of a process. Clocks of members are not synchronized, and each is
// compared with itself only. Tests have clocks that drift and stand still.
type clock interface {
	now() time.Time
	// afterFunc calls f on a goroutine of its own when d has passed, unless stop is
	// called before.
	afterFunc(d time.Duration, f func()) (stop func())
}

// realClock is the monotonic clock of this process.
type realClock struct{}

func (realClock) now() time.Time { return time.Now() }

func (realClock) afterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
