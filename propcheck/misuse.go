package propcheck

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
)

// What is not allowed is refused, and is no arrival: nothing is counted, no
// event is made.
func (m *machine) misuse(int) {
	m.coverage.hit("misuse")
	m.step(m.do("", move{kind: moveNothing}, m.allThatIsNotAllowed, "all that is not allowed"))
}

func (m *machine) allThatIsNotAllowed() {
	m.badSetups()
	ctx, s := context.Background(), m.subject
	for _, n := range []int{0, -1} {
		slot, err := s.AcquireN(ctx, n)
		m.refusesSlots("AcquireN", err)
		slot.Release()
		if slot, ok := s.TryAcquireN(n); ok || slot != (bulk.Slot{}) {
			m.note("TryAcquireN(%d) is true", n)
		}
	}
	bad := bulk.Capacity{WaitingRoom: -1, WaitLimit: -1}
	if got := badFields(s.SetCapacity(bad)); !slices.Equal(got, []string{"parallelism", "wait_limit", "waiting_room"}) {
		m.note("SetCapacity(%+v): there are ConfigErrors for %v", bad, got)
	}
	bulk.Slot{}.Release()
	m.panics("OnEvent(nil)", func() { s.OnEvent(nil) })
	if b := m.bulkhead; b != nil {
		type fn = func(context.Context) (int, error)
		_, err := bulk.RunN(ctx, b, 0, func(context.Context) (int, error) { return 0, nil })
		m.refusesSlots("RunN", err)
		m.panics("Run(nil)", func() { _, _ = bulk.Run(ctx, b, fn(nil)) })
		m.panics("RunN(0, nil)", func() { _, _ = bulk.RunN(ctx, b, 0, fn(nil)) }) // nil comes first
		m.panics("Do(nil)", func() { _ = bulk.Do(ctx, b, nil) })
		m.panics("Guard(nil)", func() { bulk.Guard(b, fn(nil)) })
		m.panics("Guard1(nil)", func() { bulk.Guard1[int, int](b, nil) })
		m.panics("GuardDo(nil)", func() { bulk.GuardDo(b, nil) })
	}
}

// refusesSlots looks at the answer to fewer slots than one.
func (m *machine) refusesSlots(what string, err error) {
	var config *bulk.ConfigError
	if !errors.As(err, &config) || config.Field != "slots" || !errors.Is(err, bulk.ErrConfig) || errors.Is(err, bulk.ErrNotStarted) {
		m.note("%s for no slots: %v", what, err)
	}
}

func (m *machine) panics(what string, f func()) {
	defer func() {
		if recover() == nil {
			m.note("%s does not panic", what)
		}
	}()
	f()
}

// note is problem for those who don't hold mu.
func (m *machine) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problem(format, args...)
}

// badSetups looks at what a Make says to arguments that are not allowed: each of
// them is named, also if there are several.
func (m *machine) badSetups() {
	for _, c := range []struct {
		label       string
		parallelism int
		options     []bulk.Option
		fields      []string
	}{
		{" ", 1, nil, []string{"label"}},
		{"label", 0, nil, []string{"parallelism"}},
		{"label", 1, []bulk.Option{bulk.WaitingRoom(-1)}, []string{"waiting_room"}},
		{"label", 1, []bulk.Option{bulk.WaitLimit(-1)}, []string{"wait_limit"}},
		{"label", 1, []bulk.Option{bulk.OnEvent(nil)}, []string{"handler"}},
		{"label", 1, []bulk.Option{bulk.OnHandlerPanic(nil)}, []string{"handler"}},
		{"label", 1, []bulk.Option{nil}, []string{"option"}},
		{"", -1, []bulk.Option{nil, bulk.OnEvent(nil), bulk.WaitLimit(-1), bulk.WaitingRoom(-1)},
			[]string{"handler", "label", "option", "parallelism", "wait_limit", "waiting_room"}},
	} {
		_, err := m.build(c.label, c.parallelism, c.options...)
		if got := badFields(err); !errors.Is(err, bulk.ErrConfig) || !slices.Equal(got, c.fields) {
			m.note("made with a bad %v: a ConfigError for each is due, and there is %v for %v", c.fields, err, got)
		}
		var config *bulk.ConfigError
		if errors.As(err, &config) && config.Label != strings.TrimSpace(c.label) {
			m.note("made with a bad %v: the ConfigError has the label %q, not %q", c.fields, config.Label, c.label)
		}
	}
}

// badFields returns the fields of all ConfigErrors in err.
func badFields(err error) []string {
	var fields []string
	switch e := err.(type) {
	case *bulk.ConfigError:
		return []string{e.Field}
	case interface{ Unwrap() error }:
		fields = badFields(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			fields = append(fields, badFields(one)...)
		}
	}
	slices.Sort(fields)
	return fields
}
