package main

import (
	"strings"
	"testing"
	"time"
)

func TestLimitersAreMeasuredOnTheSameWork(t *testing.T) {
	all := scenarios()
	for _, s := range all {
		if len(s.rows) != len(s.form) {
			t.Errorf("%v: %d forms", s.rows, len(s.form))
		}
	}
	for _, s := range []scenario{all[3], all[5], all[7]} {
		s.duration = min(s.duration, 65*time.Second)
		for _, c := range contenders() {
			cells := s.measure(t, c, 1)
			if strings.Contains(strings.Join(cells, " "), "%!") || len(cells) != len(s.rows) {
				t.Errorf("%s, %v: %v", c.name, s.rows, cells)
			}
		}
	}
	s := all[0]
	s.duration = 40 * time.Second
	first, second := s.measure(t, contenders()[0], 1), s.measure(t, contenders()[0], 1)
	if strings.Join(first, " ") != strings.Join(second, " ") {
		t.Errorf("first %v, then %v", first, second)
	}
}
