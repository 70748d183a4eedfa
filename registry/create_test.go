package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/bulklink/bulklink-go/registry"
)

func TestDefaultsComeBeforeTheOptionsOfAMember(t *testing.T) {
	defaults := []bulk.Option{bulk.WaitingRoom(7), bulk.WaitLimit(time.Second)}
	r := registry.New(defaults...)
	defaults[0] = bulk.WaitingRoom(-1) // the registry has its own copy
	b := mustCreate(t, r, "payments", 3, bulk.WaitLimit(time.Minute))
	if got, want := b.Capacity(), (bulk.Capacity{Parallelism: 3, WaitingRoom: 7, WaitLimit: time.Minute}); got != want {
		t.Errorf("capacity %+v, want %+v", got, want)
	}
}

func TestCreateReturnsAllConfigErrorsAndRegistersNothing(t *testing.T) {
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

func TestLabelIsRegisteredOnce(t *testing.T) {
	r := registry.New()
	first := mustCreate(t, r, "payments", 3)
	b, err := r.Create("payments", 5)
	mustBe(t, err, registry.ErrDuplicate)
	if b != nil || !strings.Contains(err.Error(), `"payments"`) {
		t.Errorf("%v, %v", b, err)
	}
	// The member keeps its capacity.
	b, err = r.GetOrCreate("payments", -1, nil)
	if b != first || err != nil || b.Capacity().Parallelism != 3 {
		t.Errorf("%v, %v", b, err)
	}
}

func TestOptionMayCallTheRegistry(t *testing.T) {
	r := registry.New()
	_, err := r.Create("outer", 1, func(*bulk.Config) error {
		_, err := r.Create("inner", 1)
		return err
	})
	if err != nil || len(labels(r)) != 2 {
		t.Errorf("%v, %v", err, labels(r))
	}
	// The option creates a member with the label that it is for, and is first.
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

func TestConcurrentGetOrCreateCallsReturnOneBulkhead(t *testing.T) {
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

func TestConcurrentCreateCallsHaveOneWinner(t *testing.T) {
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
