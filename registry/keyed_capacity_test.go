package registry_test

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// capacitiesOf returns the capacity of each known key.
func capacitiesOf[K comparable](k *registry.Keyed[K]) map[K]bulk.Capacity {
	all := make(map[K]bulk.Capacity)
	for key, s := range k.Statuses() {
		all[key] = s.Capacity
	}
	return all
}

// timesLength gives a key its length times the common parallelism.
func timesLength(key string, common bulk.Capacity) bulk.Capacity {
	common.Parallelism *= len(key)
	return common
}

func TestKeyedCapacityChangesForKnownAndNewKeys(t *testing.T) {
	k := mustKeyed[string](t, 2, 10, registry.Each(bulk.WaitingRoom(3), bulk.WaitLimit(time.Second)))
	touch(t, k, "a", "b")
	want := bulk.Capacity{Parallelism: 2, WaitingRoom: 3, WaitLimit: time.Second}
	for i, c := range []struct {
		set   func() error
		field *int
		value int
	}{
		{func() error { return nil }, &want.Parallelism, 2},
		{func() error { return k.Resize(5) }, &want.Parallelism, 5},
		{func() error {
			return k.SetCapacity(bulk.Capacity{Parallelism: 5, WaitingRoom: 1, WaitLimit: time.Second})
		}, &want.WaitingRoom, 1},
		{func() error {
			return k.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity { c.WaitingRoom += 7; return c })
		}, &want.WaitingRoom, 8},
		{func() error { return k.Resize(bulk.Unlimited) }, &want.Parallelism, bulk.Unlimited},
		{func() error { return k.Resize(1) }, &want.Parallelism, 1},
	} {
		if err := c.set(); err != nil {
			t.Fatal(err)
		}
		*c.field = c.value
		touch(t, k, strings.Repeat("n", i+2)) // a new key
		if k.Capacity() != want {
			t.Errorf("the common capacity is %v, not %v", k.Capacity(), want)
		}
		for _, got := range capacitiesOf(k) {
			if got != want {
				t.Errorf("step %d: the capacity of a key is %v, not %v", i, got, want)
			}
		}
		check(t, k)
	}
}

func TestPausedKeyedQueuesUnderKnownAndNewKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var kinds []bulk.EventKind
		k := mustKeyed[string](t, 1, 3, registry.Each(bulk.WaitingRoom(1), bulk.OnEvent(func(e bulk.Event) {
			mu.Lock()
			defer mu.Unlock()
			kinds = append(kinds, e.Kind)
		})))
		touch(t, k, "known")
		if err := k.Resize(0); err != nil {
			t.Fatal(err)
		}
		kinds = nil
		var g sync.WaitGroup
		for _, key := range []string{"known", "new"} {
			g.Go(func() { touch(t, k, key) })
			synctest.Wait()
		}
		if s := k.Status(); s.Waiting != 2 || s.InFlight != 0 || len(kinds) != 2 || kinds[0] != bulk.EventQueued || kinds[1] != bulk.EventQueued {
			t.Errorf("%+v, events %v", s, kinds)
		}
		_, err := k.Acquire(t.Context(), "new")
		mustBe(t, err, bulk.ErrSaturated)
		_, err = k.Acquire(done(t), "third")
		mustBe(t, err, bulk.ErrCanceled)
		// A ctx that contradicts itself does not wait where no key is.
		_, err = k.Acquire(&fickleCtx{Context: t.Context()}, "third")
		mustBe(t, err, bulk.ErrSaturated)
		check(t, k)
		if err := k.Resize(1); err != nil {
			t.Fatal(err)
		}
		g.Wait()
		if s := k.Status(); s.Totals.AdmittedFromQueue != 2 || s.Keys != 2 {
			t.Errorf("%+v", s)
		}
		check(t, k)
	})
}

func TestBadCapacityOfAKeyedChangesNothing(t *testing.T) {
	for _, closed := range []bool{false, true} {
		k := mustKeyed[string](t, 2, 3)
		touch(t, k, "a")
		if closed {
			k.Close()
		}
		err := k.SetCapacity(bulk.Capacity{Parallelism: -1, WaitLimit: -1})
		mustBe(t, err, bulk.ErrConfig)
		if text := err.Error(); text != "bulkhead \"tenants\": parallelism -1: must be 0 (paused) or more\nbulkhead \"tenants\": wait_limit -1ns: must be 0 (no limit) or more" {
			t.Error(text)
		}
		mustBe(t, k.Resize(-1), bulk.ErrConfig)
		if c := k.Capacity(); c.Parallelism != 2 || capacitiesOf(k)["a"] != c {
			t.Errorf("%v, %v", c, capacitiesOf(k))
		}
	}
	mustPanic(t, func() { _ = mustKeyed[string](t, 1, 1).UpdateCapacity(nil) })
}

func TestCapacityOfAClosedKeyedDoesNotChange(t *testing.T) {
	k := mustKeyed[string](t, 2, 3, registry.CapacityOf(timesLength))
	touch(t, k, "a")
	k.Close()
	err := k.Resize(3)
	mustBe(t, err, bulk.ErrClosed)
	mustNotBe(t, err, bulk.ErrNotStarted)
	var admission *bulk.AdmissionError
	if errors.As(err, &admission) || err.Error() != `registry: keyed "tenants": capacity not changed: closed` {
		t.Errorf("%#v", err)
	}
	if c := k.Capacity(); c.Parallelism != 2 || capacitiesOf(k)["a"] != c {
		t.Errorf("%v, %v", c, capacitiesOf(k))
	}
}

func TestCapacityOfGivesKeysTheirOwnCapacity(t *testing.T) {
	k := mustKeyed[string](t, 2, 5, registry.CapacityOf(func(string, bulk.Capacity) bulk.Capacity { panic("not the last one") }),
		registry.CapacityOf(timesLength))
	touch(t, k, "a", "bb")
	for _, common := range []int{2, 3, 0, bulk.Unlimited / 5, 1} {
		if err := k.Resize(common); err != nil {
			t.Fatal(err)
		}
		if common > 0 {
			touch(t, k, "ccc")
		}
		for key, c := range capacitiesOf(k) {
			if want := common * len(key); c.Parallelism != want {
				t.Errorf("%d slots, want %d", c.Parallelism, want)
			}
		}
		if k.Capacity().Parallelism != common {
			t.Errorf("%v", k.Capacity())
		}
		check(t, k)
		k.Evict("ccc")
	}
}

func TestBadCapacityOfANewKeyIsTheErrorOfItsCall(t *testing.T) {
	k := mustKeyed[string](t, 1, 1, registry.CapacityOf(func(key string, c bulk.Capacity) bulk.Capacity {
		if key == "secret" {
			c.Parallelism = -7
		}
		return c
	}))
	touch(t, k, "a")
	_, err := registry.RunKey(t.Context(), k, "secret", nothing)
	mustBe(t, err, bulk.ErrConfig)
	var e *bulk.ConfigError
	if !errors.As(err, &e) || e.Label != "tenants" || e.Field != "parallelism" || e.Value != -7 || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	if s := k.Status(); s.Keys != 1 || s.Created != 1 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
	check(t, k)
}

func TestSetCapacityChecksTheCapacityOfEachKeyBeforeItSetsAny(t *testing.T) {
	factor := 1
	k := mustKeyed[string](t, 4, 10, registry.CapacityOf(func(key string, c bulk.Capacity) bulk.Capacity {
		if key == "secret" {
			c.Parallelism -= 3
		}
		c.Parallelism *= factor
		return c
	}))
	touch(t, k, "a", "b", "secret", "c", "d")
	before := capacitiesOf(k)
	err := k.Resize(2)
	mustBe(t, err, bulk.ErrConfig)
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	for key, c := range capacitiesOf(k) {
		if c != before[key] {
			t.Errorf("%v became %v", before[key], c)
		}
	}
	if k.Capacity().Parallelism != 4 {
		t.Errorf("%v", k.Capacity())
	}
	check(t, k)
	// The present capacity applies what the function returns now.
	factor = 10
	if err := k.SetCapacity(k.Capacity()); err != nil || capacitiesOf(k)["a"].Parallelism != 40 || capacitiesOf(k)["secret"].Parallelism != 10 {
		t.Errorf("%v, %v", err, capacitiesOf(k))
	}
	check(t, k)
}

func TestNewKeyedRejectsCapacityOfForKeysOfAnotherType(t *testing.T) {
	_, err := registry.NewKeyed[string]("tenants", 1, 1, registry.CapacityOf(func(_ int, c bulk.Capacity) bulk.Capacity { return c }))
	mustBe(t, err, bulk.ErrConfig)
	if text := err.Error(); text != `bulkhead "tenants": option "CapacityOf[int]": must be for keys of type string` {
		t.Error(text)
	}
	_, err = registry.NewKeyed[string]("tenants", 1, 1, registry.CapacityOf[string](nil))
	mustBe(t, err, bulk.ErrConfig)
	if text := err.Error(); text != `bulkhead "tenants": option "CapacityOf": its function must not be nil` {
		t.Error(text)
	}
}

// Whichever of the two is first, the key has the new capacity in the end. Its function
// runs without a lock.
func TestKeyThatComesDuringAChangeGetsTheNewCapacity(t *testing.T) {
	for _, during := range []string{"creation", "change"} {
		synctest.Test(t, func(t *testing.T) {
			blocked, block := make(chan struct{}), ""
			var k *registry.Keyed[string]
			k = mustKeyed[string](t, 1, 3, registry.CapacityOf(func(key string, c bulk.Capacity) bulk.Capacity {
				if key == block {
					block = ""
					<-blocked
				}
				k.Status()
				return timesLength(key, c)
			}))
			touch(t, k, "a", "evicted")
			resize := func() {
				if err := k.Resize(5); err != nil {
					t.Error(err)
				}
			}
			arrive := func() { touch(t, k, "new", "a"); k.Evict("evicted"); touch(t, k, "evicted") }
			first, second := arrive, resize
			block = "new"
			if during == "change" {
				first, second, block = resize, arrive, "a"
			}
			var g sync.WaitGroup
			g.Go(first)
			synctest.Wait()
			second()
			close(blocked)
			g.Wait()
			if all := capacitiesOf(k); len(all) != 3 || all["new"].Parallelism != 15 || all["a"].Parallelism != 5 || all["evicted"].Parallelism != 35 {
				t.Errorf("during the %s: %v", during, all)
			}
			check(t, k)
		})
	}
}

func TestUpdateCapacityOfAKeyedLosesNoConcurrentChange(t *testing.T) {
	k := mustKeyed[int](t, 1, 20, registry.CapacityOf(func(key int, c bulk.Capacity) bulk.Capacity { c.Parallelism += key; return c }))
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			for range 50 {
				if err := k.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity { runtime.Gosched(); c.Parallelism++; return c }); err != nil {
					t.Error(err)
				}
				touch(t, k, i, i+10)
				k.Evict(i)
			}
		})
	}
	g.Wait()
	if c := k.Capacity(); c.Parallelism != 401 {
		t.Errorf("%v", c)
	}
	for key, c := range capacitiesOf(k) {
		if c.Parallelism != 401+key {
			t.Errorf("%d has %v", key, c)
		}
	}
	check(t, k)
}

func TestChangeReachesAllKeysIfAHandlerEndsTheGoroutine(t *testing.T) {
	end := false
	var k *registry.Keyed[string]
	k = mustKeyed[string](t, 1, 3, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		k.Capacity() // no lock is held
		if e.Kind == bulk.EventResized && end {
			runtime.Goexit()
		}
	})))
	touch(t, k, "a", "b", "c")
	end = true
	var g sync.WaitGroup
	g.Go(func() { _ = k.Resize(2) })
	g.Wait()
	for _, c := range capacitiesOf(k) {
		if c.Parallelism != 2 {
			t.Errorf("%v", c)
		}
	}
	check(t, k)
}

// It reports the change of the common capacity also with an event of its own.
func TestEventHandlerMayChangeTheCapacityAgain(t *testing.T) {
	var k *registry.Keyed[string]
	resized := 0
	k = mustKeyed[string](t, 1, 3, registry.Each(bulk.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventResized {
			resized++
			if e.Capacity.Parallelism == 2 {
				if err := k.Resize(3); err != nil {
					t.Error(err)
				}
			}
		}
	})))
	touch(t, k, "a", "b")
	if err := k.Resize(2); err != nil {
		t.Error(err)
	}
	for _, c := range capacitiesOf(k) {
		if c.Parallelism != 3 {
			t.Errorf("%v", c)
		}
	}
	// The rejector from 1 to 2 and 3; then each key from 1 to 3.
	if resized != 4 {
		t.Errorf("%d events", resized)
	}
	check(t, k)
}

// A call that is late must not leave its own capacity after that of a later change.
func TestLateCallSetsTheCapacityOfTheLastChange(t *testing.T) {
	b := bulk.Must(bulk.New("tenants", 1))
	last := 2
	registry.Follow(b, func() bulk.Capacity {
		c := bulk.Capacity{Parallelism: last}
		if last == 2 { // another call changes the capacity and sets it, before c is set
			last = 3
			_ = b.Resize(3)
		}
		return c
	})
	if c := b.Capacity(); c.Parallelism != 3 {
		t.Errorf("%v", c)
	}
}
