package option_test

import (
	"testing"

	"github.com/bulklink/bulklink-go/option"
)

// No t.Parallel here: testing.AllocsPerRun counts for the whole process.
func TestApplyWithoutErrorsAllocatesNothing(t *testing.T) {
	type counter struct{ n int }
	count := func(c *counter) error { c.n++; return nil }
	preset := option.Join(count, option.When(true, count), option.When(false, count))
	var c counter
	for _, tc := range []struct {
		why string
		f   func()
	}{
		{"no options are the common case", func() { option.Apply(&c) }},
		{"options without errors", func() { option.Apply(&c, count, count) }},
		{"a preset is made once and applied often", func() { option.Apply(&c, preset) }},
	} {
		row(t, tc.why, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tc.f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
