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

// setups are the ways to wait.
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

// done ends what a peer has running: one of them has a goroutine of its own.
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
				t.Errorf("%s: at most %d at once with 3 slots; it claims: %v", name, got, s.Has)
			}
			if got := ran.Load(); setup.Wait > 0 && got != 1000 {
				t.Errorf("%s: %d of 1000 operations ran", name, got)
			}
			if h, ok := p.(Holder); ok {
				h.Pairs(t.Context(), 10) // would block for ever if it lost one
			}
		}
		if made == 0 {
			t.Error("nothing could be made of it")
		}
	})
}

// held is a peer of one slot that is taken.
type held struct {
	Peer
	release func()
}

func hold(t *testing.T, p Peer) held {
	t.Helper()
	gate := make(chan struct{})
	go p.Run(context.Background(), func(context.Context) (int, error) {
		<-gate
		return 0, nil
	})
	synctest.Wait()
	return held{p, func() { close(gate); synctest.Wait() }}
}

func nothing(context.Context) (int, error) { return 0, nil }

// TestAbilities checks the claims of each peer by what it does: what it says
// that it has it has, what it says that it lacks it lacks.
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
					t.Errorf("%v: it claims %v, and does %v", p.of, !got, got)
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
	var turnedAway atomic.Int64
	for range 10 {
		go func() {
			if _, err := h.Run(context.Background(), nothing); err != nil {
				turnedAway.Add(1)
			}
		}()
		synctest.Wait()
	}
	return turnedAway.Load() == 8
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
		time.Sleep(2 * time.Hour) // those that wait for a lost slot must not outlive the bubble
		done(t, p)
		if !ran {
			return false
		}
	}
	return true
}

// inPlace also asks an operation that was queued.
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
			return true // the goroutine that asked
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
			t.Error("a peer without any gap")
		}
		if slices.Contains(gaps, "bounds nothing") != (s.Name == "floor") {
			t.Error("the floor, and it alone, bounds nothing")
		}
		if s.Title == "" || s.Name == "" {
			t.Error("it has no name")
		}
	})
	if got := Limits.Gaps(Limits | Orders | Counts); !slices.Equal(got, []string{"promises no order", "no counters"}) {
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
	if _, ok := Find("nobody"); ok {
		t.Error("found nobody")
	}
}

func TestErrorsComeBackUntouched(t *testing.T) {
	mine := errors.New("mine")
	each(t, func(t *testing.T, s Spec) {
		for name, setup := range setups {
			p := s.New(setup)
			if p == nil {
				continue
			}
			v, err := p.Run(t.Context(), func(context.Context) (int, error) { return 7, mine })
			if v != 7 || !errors.Is(err, mine) {
				t.Errorf("%s: %d, %v", name, v, err)
			}
			done(t, p)
		}
	})
}
