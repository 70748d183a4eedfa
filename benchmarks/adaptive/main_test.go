package main

import (
	"strings"
	"testing"
	"time"
)

// The dependencies of the table are the same for all, and so are the seeds.
func TestLimitersAreMeasuredOnTheSameWork(t *testing.T) {
	for _, s := range scenarios() {
		if len(s.rows) != len(s.form) {
			t.Errorf("%v: %d forms", s.rows, len(s.form))
		}
		s.duration = min(s.duration, 70*time.Second)
		for _, c := range contenders() {
			cells := s.measure(t, c, 1)
			if strings.Contains(strings.Join(cells, " "), "%!") || len(cells) != len(s.rows) {
				t.Errorf("%s, %v: %v", c.name, s.rows, cells)
			}
			if c.name == "Bulklink" {
				again := s.measure(t, c, 1)
				if strings.Join(cells, " ") != strings.Join(again, " ") {
					t.Errorf("%v: first %v, then %v", s.rows, cells, again)
				}
			}
		}
	}
}
