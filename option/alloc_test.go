package option_test

import (
	"testing"

	"github.com/bulklink/bulklink-go/option"
)

// No t.Parallel: testing.AllocsPerRun counts the allocations of the whole process.
func TestApplyWithoutErrorsAllocatesNothing(t *testing.T) {
	type counter struct{ n int }
	count := func(c *counter) error { c.n++; return nil }
	preset := option.Join(count, option.When(true, count), option.When(false, count))
	var c counter
	for _, tc := range []struct {
		why string
		f   func()
	}{
		{"no options: the common case", func() { option.Apply(&c) }},
		{"two options that return no error", func() { option.Apply(&c, count, count) }},
		{"a preset: created once, applied many times", func() { option.Apply(&c, preset) }},
	} {
		row(t, tc.why, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tc.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
