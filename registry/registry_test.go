package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

func labels(r *registry.Registry) []string {
	var labels []string
	for label := range r.All() {
		labels = append(labels, label)
	}
	return labels
}

func TestMembersAreFoundByLabelAndListedInTheOrderOfCreation(t *testing.T) {
	r := registry.New()
	if _, ok := r.Get("payments"); ok || len(labels(r)) != 0 {
		t.Error("a new registry is not empty")
	}
	for i, label := range []string{"payments", "search", "auth"} {
		b := mustCreate(t, r, label, i+1)
		if got, ok := r.Get(label); !ok || got != b || b.Label() != label {
			t.Errorf("Get(%q) returned %v, %v", label, got, ok)
		}
	}
	want := []string{"payments", "search", "auth"}
	if got := labels(r); !slices.Equal(got, want) {
		t.Errorf("listed %v", got)
	}
	for i, s := range r.Statuses() {
		if s.Label != want[i] || s.Capacity.Parallelism != i+1 {
			t.Errorf("status %d is of %q: %+v", i, s.Label, s)
		}
	}
	for i, rep := range r.Reports() {
		if rep.Status.Label != want[i] {
			t.Errorf("report %d is of %q", i, rep.Status.Label)
		}
	}
	check(t, r)
}

func TestDefaultsComeBeforeTheOptionsOfAMember(t *testing.T) {
	defaults := []bulk.Option{bulk.WaitingRoom(7), bulk.WaitLimit(time.Second)}
	r := registry.New(defaults...)
	defaults[0] = bulk.WaitingRoom(-1) // the registry has its own copy
	b := mustCreate(t, r, "payments", 3, bulk.WaitLimit(time.Minute))
	if got, want := b.Capacity(), (bulk.Capacity{Parallelism: 3, WaitingRoom: 7, WaitLimit: time.Minute}); got != want {
		t.Errorf("capacity %+v, want %+v", got, want)
	}
}

func TestWhatIsWrongIsReturnedByCreateAndRegistersNothing(t *testing.T) {
	r := registry.New(bulk.WaitingRoom(-1), nil)
	for _, create := range []func(string, int, ...bulk.Option) (*bulk.Bulkhead, error){r.Create, r.GetOrCreate} {
		b, err := create(" ", 0, bulk.WaitLimit(-1))
		mustBe(t, err, bulk.ErrConfig, option.ErrNil)
		for _, field := range []string{"label", "parallelism", "waiting_room", "wait_limit", "option"} {
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%q is not in %v", field, err)
			}
		}
		if b != nil || len(labels(r)) != 0 {
			t.Error("something was registered")
		}
	}
}

func TestALabelIsRegisteredOnce(t *testing.T) {
	r := registry.New()
	first := mustCreate(t, r, "payments", 3)
	b, err := r.Create("payments", 5)
	mustBe(t, err, registry.ErrDuplicate)
	if b != nil || !strings.Contains(err.Error(), `"payments"`) {
		t.Errorf("%v, %v", b, err)
	}
	// An existing one keeps its capacity, whatever is asked.
	b, err = r.GetOrCreate("payments", -1, nil)
	if b != first || err != nil || b.Capacity().Parallelism != 3 {
		t.Errorf("%v, %v", b, err)
	}
}

// Labels can come from anywhere: in an error they are one line, of a length that
// can be read, as in those of package bulk.
func TestALabelNeverDrownsWhatAnErrorSays(t *testing.T) {
	long := "\n\u202e" + strings.Repeat("x", 1<<16)
	r := registry.New()
	mustCreate(t, r, long, 1)
	k, err := registry.NewKeyed[string](long, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	hold(t, k, "a")
	_, duplicate := r.Create(long, 1)
	_, tooMany := k.Acquire(t.Context(), "b")
	for what, err := range map[string]error{
		"Create":    duplicate,
		"Remove":    r.Remove(t.Context(), long+"y"),
		"Apply":     r.Apply(map[string]bulk.Capacity{long: {}}),
		"ApplyJSON": r.ApplyJSON([]byte(`{"` + long[4:] + `":{},"` + long[4:] + `":{}}`)),
		"Acquire":   tooMany,
	} {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if len(line) > 400 || strings.Contains(line, "\u202e") || !strings.HasPrefix(line, "registry: ") {
				t.Errorf("%s: %.500s", what, line)
			}
		}
	}
}

func TestAllIsAStableViewWithoutALock(t *testing.T) {
	r := registry.New()
	for i := range 5 {
		mustCreate(t, r, fmt.Sprint(i), 1)
	}
	var seen []string
	for label, b := range r.All() {
		if b.Label() != label {
			t.Errorf("%q under %q", b.Label(), label)
		}
		seen = append(seen, label)
		mustCreate(t, r, "new "+label, 1)
		if err := r.Remove(t.Context(), label); err != nil {
			t.Fatal(err)
		}
		if label == "3" {
			break
		}
	}
	if !slices.Equal(seen, []string{"0", "1", "2", "3"}) {
		t.Errorf("seen %v", seen)
	}
	if got := labels(r); !slices.Equal(got, []string{"4", "new 0", "new 1", "new 2", "new 3"}) {
		t.Errorf("left %v", got)
	}
	check(t, r)
}

// Options may call the registry: no lock is held while they run.
func TestAnOptionMayCallTheRegistry(t *testing.T) {
	r := registry.New()
	_, err := r.Create("outer", 1, func(*bulk.Config) error {
		_, err := r.Create("inner", 1)
		return err
	})
	if err != nil || len(labels(r)) != 2 {
		t.Errorf("%v, %v", err, labels(r))
	}
	// The option makes the very label that it is for: it is the first.
	_, err = r.Create("same", 1, func(*bulk.Config) error {
		_, err := r.Create("same", 2)
		return err
	})
	mustBe(t, err, registry.ErrDuplicate)
	b, err := r.GetOrCreate("again", 1, func(*bulk.Config) error {
		_, err := r.Create("again", 2)
		return err
	})
	if err != nil || b.Capacity().Parallelism != 2 {
		t.Errorf("%v, %v", b, err)
	}
	_, err = r.Create("late", 1, func(*bulk.Config) error { return r.Close() })
	mustBe(t, err, registry.ErrClosed)
	check(t, r)
}

func TestARaceForALabelHasOneWinner(t *testing.T) {
	const racers, rounds = 16, 200
	r := registry.New()
	for round := range rounds {
		label := fmt.Sprint(round)
		var created atomic.Int32
		var got [racers]*bulk.Bulkhead
		var g sync.WaitGroup
		start := make(chan struct{})
		for i := range racers {
			g.Go(func() {
				<-start
				b, err := r.GetOrCreate(label, i+1)
				if i%2 == 0 {
					_, err = r.Create(label, i+1)
					if err == nil {
						created.Add(1)
					} else if !errors.Is(err, registry.ErrDuplicate) {
						t.Error(err)
					}
				} else if err != nil {
					t.Error(err)
				}
				got[i] = b
			})
		}
		close(start)
		g.Wait()
		for _, b := range got {
			if b != got[0] {
				t.Fatal("two bulkheads for one label")
			}
		}
		if created.Load() != 0 { // each Create came after a GetOrCreate
			t.Fatal("a label was created twice")
		}
	}
	if n := len(labels(r)); n != rounds {
		t.Errorf("%d members", n)
	}
	check(t, r)
}

func TestARaceOfCreatesHasOneWinner(t *testing.T) {
	r := registry.New()
	for round := range 200 {
		var created atomic.Int32
		var g sync.WaitGroup
		for range 8 {
			g.Go(func() {
				if _, err := r.Create(fmt.Sprint(round), 1); err == nil {
					created.Add(1)
				}
			})
		}
		g.Wait()
		if n := created.Load(); n != 1 {
			t.Fatalf("%d winners", n)
		}
	}
}
