package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/printtest"
	"github.com/google/go-cmp/cmp"
)

func TestStatusTellsSharesAndWhy(t *testing.T) {
	bubble(t, 12, 2, func(t *testing.T, w *world) {
		if err := w.all[1].member.SetTotal(20); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * w.refresh)
		s := w.all[1].member.Status()
		if s.Label != "p1" || len(s.Members) != 2 || s.Members[0].Name != "p0" || !s.Members[1].Self || s.Members[0].Age > w.refresh ||
			s.Demand != 20 || s.Writes == 0 || s.Lease <= w.ttl-w.refresh-time.Second || s.State != Holding {
			t.Errorf("status %+v", s)
		}
		text := s.String()
		for _, want := range []string{`fleet "budget", member "p1": holding`, "6 of 12 slots, parallelism 6; this member was told 20",
			"demand      20", "to 6, granted", "2, 0 slots free", "(this member)", "p0 ", "share 6"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		j, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Status
		if err := json.Unmarshal(j, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Error(diff)
		}
		logged := fmt.Sprint(s.LogValue(), s.Last.LogValue(), s.Last)
		for _, want := range []string{"share=6", "state=holding", "reason=granted", `member "p1": granted: from `} {
			if !strings.Contains(logged, want) {
				t.Errorf("no %q in %s", want, logged)
			}
		}
	})
}

func TestFormsOfAnUnhappyMember(t *testing.T) {
	s := Status{Budget: "a\nb", Name: "m\x00", State: Lost, Limit: 3, Parallelism: bulk.Unlimited, Drain: 2, LastError: "no\nroute",
		Members: []Peer{{Name: "x", Drain: 1, Leaving: true}}}
	text := s.String() + fmt.Sprint(s.LogValue())
	for _, want := range []string{`"a\nb"`, "parallelism unlimited, limit 3", "2 above the share", "lease       none", `no\nroute`, "draining 1, leaving"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	j, err := json.Marshal(Status{State: Joining})
	if err != nil || !strings.Contains(string(j), `"members":[]`) || strings.Contains(string(j), `"last"`) {
		t.Errorf("%s, %v", j, err)
	}
}

func TestMemberIsPrintedAsItsName(t *testing.T) {
	bubble(t, 12, 1, func(t *testing.T, w *world) {
		printtest.Check(t, w.all[0].member, `fleet "budget": member "p0"`)
		var _ slog.LogValuer = w.all[0].member
	})
}

func TestEnumsHaveTexts(t *testing.T) {
	for i := range 10 {
		var state State
		text, err := State(i).MarshalText()
		if ok := i >= 1 && i <= len(states); ok != (err == nil) || ok && (state.UnmarshalText(text) != nil || state != State(i)) {
			t.Errorf("state %d: %s, %v", i, text, err)
		}
		var reason Reason
		text, err = Reason(i).MarshalText()
		if ok := i >= 1 && i <= len(reasons); ok != (err == nil) || ok && (reason.UnmarshalText(text) != nil || reason != Reason(i)) {
			t.Errorf("reason %d: %s, %v", i, text, err)
		}
	}
	var state State
	if err := state.UnmarshalText([]byte("lazy")); !errors.Is(err, bulk.ErrConfig) || !strings.Contains(err.Error(), "one of joining") {
		t.Error(err)
	}
	if State(99).String() != "state(99)" || Reason(0).String() != "reason(0)" {
		t.Error(State(99), Reason(0))
	}
}

func TestBadArgumentsAreNamed(t *testing.T) {
	b := bulk.Must(bulk.New("b", 3))
	var s Memory
	for _, c := range []struct {
		want   string
		store  Store
		budget string
		total  int
		b      *bulk.Bulkhead
		opts   []Option
	}{
		{"store", nil, "x", 1, b, nil},
		{"budget", &s, " ", 1, b, nil},
		{"total", &s, "x", 0, b, nil},
		{"total", &s, "x", maxTotal + 1, b, nil},
		{"bulkhead", &s, "x", 1, nil, nil},
		{"refresh", &s, "x", 1, b, []Option{Refresh(0)}},
		{"ttl", &s, "x", 1, b, []Option{TTL(9 * time.Second)}},
		{"ttl", &s, "x", 1, b, []Option{TTL(maxLapse + 1)}},
		{"ttl", &s, "x", 1, b, []Option{Refresh(1 << 62)}},
		{"name", &s, "x", 1, b, []Option{Name(strings.Repeat("n", maxName+1))}},
		{"grace", &s, "x", 1, b, []Option{Grace(-1)}},
		{"grace", &s, "x", 1, b, []Option{Grace(maxLapse + 1)}},
		{"min_share", &s, "x", 1, b, []Option{MinShare(-1)}},
		{"on_lost", &s, "x", 1, b, []Option{OnLost(Safe(-1))}},
		{"on_change", &s, "x", 1, b, []Option{OnChange(nil)}},
		{"option", &s, "x", 1, b, []Option{nil}},
	} {
		m, err := Join(t.Context(), c.store, c.budget, c.total, c.b, c.opts...)
		if m != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
		if b.Capacity().Parallelism != 3 {
			t.Errorf("%s: the bulkhead was resized", c.want)
		}
	}
}

func TestChangesAreToldInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Memory
		if err := Create(t.Context(), &s, "budget"); err != nil {
			t.Fatal(err)
		}
		var changes []Change
		b := bulk.Must(bulk.New("b", 3))
		var joined atomic.Pointer[Member]
		m, err := Join(t.Context(), &s, "budget", 10, b, OnChange(func(c Change) {
			changes = append(changes, c)
			if m := joined.Load(); m != nil {
				_ = m.Status()
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		joined.Store(m)
		time.Sleep(time.Second)
		if err := m.SetLimit(4); err != nil {
			t.Fatal(err)
		}
		if err := m.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := 3
		var reasons []Reason
		for _, c := range changes {
			if c.From != last {
				t.Errorf("%v follows %d", c, last)
			}
			last = c.To
			reasons = append(reasons, c.Reason)
		}
		if diff := cmp.Diff([]Reason{Joined, Granted, Limited, Left}, reasons); diff != "" {
			t.Error(diff)
		}
	})
}
