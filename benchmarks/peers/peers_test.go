package peers

import (
	"context"
	"errors"
	"io"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// setups has each way of waiting.
var setups = map[string]Setup{
	"no wait": {Slots: 3},
	"limit":   {Slots: 3, Room: 100, Wait: time.Hour},
	"forever": {Slots: 3, Room: 100, Wait: Forever},
}

func each(t *testing.T, f func(t *testing.T, s Spec)) {
	for _, s := range All() {
		t.Run(s.Name, func(t *testing.T) { f(t, s) })
	}
}

// done stops the goroutines of a peer, if it has any.
func done(t *testing.T, p Peer) {
	if c, ok := p.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestParallelismIsLimited(t *testing.T) {
	each(t, func(t *testing.T, s Spec) {
		made := 0
		for name, setup := range setups {
			p := s.New(setup)
			if p == nil {
				continue
			}
			made++
			var running, most, ran atomic.Int64
			op := func(context.Context) (int, error) {
				n := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				ran.Add(1)
				for range 10 {
					runtime.Gosched()
				}
				return 0, nil
			}
			var g sync.WaitGroup
			for range 50 {
				g.Go(func() { p.Times(t.Context(), 20, op) })
			}
			g.Wait()
			done(t, p)
			if got := most.Load(); (got <= 3) != (s.Has&Limits != 0) {
				t.Errorf("%s: %d concurrent operations with 3 slots; claimed abilities: %v", name, got, s.Has)
			}
			if got := ran.Load(); setup.Wait > 0 && got != 1000 {
				t.Errorf("%s: %d of 1000 operations ran", name, got)
			}
			if h, ok := p.(Holder); ok {
				h.Pairs(t.Context(), 10) // would block forever if a slot was lost
			}
		}
		if made == 0 {
			t.Error("the peer supports none of the setups")
		}
	})
}

// held is a peer whose only slot is in use.
type held struct {
	Peer
	release func()
}

func hold(t *testing.T, p Peer) held {
	t.Helper()
	finish := make(chan struct{})
	go p.Run(context.Background(), func(context.Context) (int, error) {
		<-finish
		return 0, nil
	})
	synctest.Wait()
	return held{p, func() { close(finish); synctest.Wait() }}
}

func nothing(context.Context) (int, error) { return 0, nil }

// TestAbilities checks by their behavior that peers have the abilities that they claim,
// and lack the others.
func TestAbilities(t *testing.T) {
	probes := []struct {
		of    Ability
		probe func(t *testing.T, s Spec) bool
	}{
		{Rejects, rejects}, {Bounds, bounds}, {TimesOut, timesOut}, {Cancels, cancels},
		{Unwinds, unwinds}, {InPlace, inPlace}, {Announces, announces},
	}
	each(t, func(t *testing.T, s Spec) {
		for _, p := range probes {
			if s.Has&Limits == 0 && p.of != Unwinds && p.of != InPlace && p.of != Announces {
				continue // never full
			}
			synctest.Test(t, func(t *testing.T) {
				if got := p.probe(t, s); got != (s.Has&p.of != 0) {
					t.Errorf("%v: claimed %v, observed %v", p.of, !got, got)
				}
			})
		}
	})
}

func rejects(t *testing.T, s Spec) bool {
	p := s.New(Setup{Slots: 1})
	if p == nil {
		return false
	}
	h := hold(t, p)
	defer done(t, p)
	defer h.release()
	began := time.Now()
	_, err := h.Run(t.Context(), nothing)
	return err != nil && time.Since(began) == 0
}

func bounds(t *testing.T, s Spec) bool {
	p := s.Patient(Setup{Slots: 1, Room: 2})
	h := hold(t, p)
	defer done(t, p)
	defer h.release()
	var rejected atomic.Int64
	for range 10 {
		go func() {
			if _, err := h.Run(context.Background(), nothing); err != nil {
				rejected.Add(1)
			}
		}()
		synctest.Wait()
	}
	return rejected.Load() == 8
}

func timesOut(t *testing.T, s Spec) bool {
	p := s.New(Setup{Slots: 1, Room: 2, Wait: time.Second})
	if p == nil {
		return false
	}
	h := hold(t, p)
	defer done(t, p)
	defer h.release()
	began := time.Now()
	_, err := h.Run(t.Context(), nothing)
	return err != nil && time.Since(began) == time.Second
}

func cancels(t *testing.T, s Spec) bool {
	p := s.Patient(Setup{Slots: 1, Room: 2})
	h := hold(t, p)
	defer done(t, p)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	began := time.Now()
	returned := make(chan time.Duration, 1)
	go func() {
		_, _ = h.Run(ctx, nothing)
		returned <- time.Since(began)
	}()
	time.Sleep(2 * time.Minute)
	h.release()
	return <-returned == time.Second
}

func unwinds(t *testing.T, s Spec) bool {
	for _, setup := range setups {
		p := s.New(setup)
		if p == nil {
			continue
		}
		for range setup.Slots {
			func() {
				defer func() { _ = recover() }()
				_, _ = p.Run(t.Context(), func(context.Context) (int, error) { panic("on purpose") })
			}()
		}
		ran := false
		go p.Run(context.Background(), func(context.Context) (int, error) {
			ran = true
			return 0, nil
		})
		synctest.Wait()
		time.Sleep(2 * time.Hour) // operations that wait for a lost slot must end before the bubble
		done(t, p)
		if !ran {
			return false
		}
	}
	return true
}

// inPlace checks a queued operation, because some peers run only these elsewhere.
func inPlace(t *testing.T, s Spec) bool {
	p := s.Patient(Setup{Slots: 1, Room: 2})
	h := hold(t, p)
	defer done(t, p)
	var within []uintptr
	go func() {
		_, _ = h.Run(context.Background(), func(context.Context) (int, error) {
			within = make([]uintptr, 50)
			within = within[:runtime.Callers(0, within)]
			return 0, nil
		})
	}()
	synctest.Wait()
	h.release()
	frames := runtime.CallersFrames(within)
	for {
		f, more := frames.Next()
		if f.Function == reflect.TypeOf(s).PkgPath()+".inPlace.func1" {
			return true // the goroutine that called Run
		}
		if !more {
			return false
		}
	}
}

func announces(t *testing.T, s Spec) bool {
	for _, setup := range setups {
		setup.Listen = 1
		if p := s.New(setup); p != nil {
			done(t, p)
			return true
		}
	}
	return false
}

func TestGapsAreDeclared(t *testing.T) {
	each(t, func(t *testing.T, s Spec) {
		gaps := s.Has.Gaps(everything)
		if s.Name == "bulklink" {
			if len(gaps) > 0 {
				t.Errorf("Bulklink lacks %v", gaps)
			}
			return
		}
		if len(gaps) == 0 {
			t.Error("the peer has no gap")
		}
		if slices.Contains(gaps, "bounds nothing") != (s.Name == "floor") {
			t.Error("only the floor must have the gap \"bounds nothing\"")
		}
		if s.Title == "" || s.Name == "" {
			t.Error("the peer has no name or title")
		}
	})
	if got := Limits.Gaps(Limits | Orders | Counts); !slices.Equal(got, []string{"no documented order", "no counters"}) {
		t.Errorf("gaps: %q", got)
	}
	if got := (Limits | Counts).String(); got != "limits parallelism, counters" {
		t.Errorf("words: %q", got)
	}
}

func TestFind(t *testing.T) {
	for _, s := range All() {
		if got, ok := Find(s.Name); !ok || got.Title != s.Title {
			t.Errorf("Find(%q) = %q, %v", s.Name, got.Title, ok)
		}
	}
	if _, ok := Find("none"); ok {
		t.Error("found a peer that does not exist")
	}
}

func TestErrorsAreReturnedUnchanged(t *testing.T) {
	errOwn := errors.New("own error")
	each(t, func(t *testing.T, s Spec) {
		for name, setup := range setups {
			p := s.New(setup)
			if p == nil {
				continue
			}
			v, err := p.Run(t.Context(), func(context.Context) (int, error) { return 7, errOwn })
			if v != 7 || !errors.Is(err, errOwn) {
				t.Errorf("%s: %d, %v", name, v, err)
			}
			done(t, p)
		}
	})
}
