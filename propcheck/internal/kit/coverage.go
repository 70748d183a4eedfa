package kit

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Coverage counts how often each corner was reached. A nil one counts nothing.
type Coverage struct {
	mu     sync.Mutex
	counts map[string]int
}

// Hit counts a corner; its name may be in parts.
func (c *Coverage) Hit(parts ...string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[strings.Join(parts, "")]++
}

// Missing returns which of the corners were never reached.
func (c *Coverage) Missing(corners []string) []string {
	return slices.DeleteFunc(slices.Clone(corners), func(corner string) bool { return c.counts[corner] > 0 })
}

func (c *Coverage) String() string {
	var b strings.Builder
	for _, corner := range slices.Sorted(maps.Keys(c.counts)) {
		fmt.Fprintf(&b, "%9d  %s\n", c.counts[corner], corner)
	}
	return b.String()
}

// Differences says in words in which fields two values of a type differ.
func Differences(what string, got, want any) []string {
	if !reflect.ValueOf(got).Comparable() || got != want {
		return differences(what, reflect.ValueOf(got), reflect.ValueOf(want))
	}
	return nil
}

func differences(what string, got, want reflect.Value) (list []string) {
	plain := got.Kind() != reflect.Struct || got.NumField() == 0 || !got.Type().Field(0).IsExported()
	switch {
	case plain && !got.Equal(want):
		return []string{fmt.Sprintf("%s is %v; by the contract it is %v", what, got, want)}
	case plain:
		return nil
	}
	for i := range got.NumField() {
		list = append(list, differences(what+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i))...)
	}
	return list
}
