package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// dependency is a simulated dependency. Its calls only take time.
type dependency struct {
	label string
	slots int
	rate  float64       // calls per second
	hold  time.Duration // mean time of a call, exponentially distributed
	slow  float64       // by which factor a call is slower in the third quarter of the period
}

// dependencies have a load of about half of their slots.
var dependencies = []dependency{
	{"payments", 10, 120, 40 * time.Millisecond, 3.5},
	{"search", 16, 200, 40 * time.Millisecond, 1},
	{"inventory", 8, 90, 45 * time.Millisecond, 1},
	{"mail", 4, 12, 150 * time.Millisecond, 1},
}

// The resized dependency has fewer slots in the second half of the period: too few.
const (
	resized    = "search"
	fewerSlots = 8
)

// service is a program that calls the dependencies.
type service struct {
	bulkheads *registry.Registry
	all       []*bulk.Bulkhead // in the order of dependencies
	period    time.Duration
	start     time.Time
}

func newService(period time.Duration) (*service, error) {
	s := &service{bulkheads: registry.New(bulk.WaitLimit(250*time.Millisecond), bulk.TrackHolds()), period: period, start: time.Now()}
	for _, d := range dependencies {
		b, err := s.bulkheads.Create(d.label, d.slots, bulk.WaitingRoom(3*d.slots))
		if err != nil {
			return nil, err
		}
		s.all = append(s.all, b)
	}
	return s, nil
}

// quarter returns in which quarter of the period it is: 0 to 3.
func (s *service) quarter() int { return int(time.Since(s.start) % s.period * 4 / s.period) }

// load calls the dependencies until ctx ends, and returns when all calls have ended.
func (s *service) load(ctx context.Context) {
	var calls sync.WaitGroup
	for i, d := range dependencies {
		calls.Go(func() { s.callers(ctx, d, s.all[i], &calls) })
	}
	calls.Go(func() { s.resize(ctx) })
	calls.Wait()
}

// callers sends calls at random intervals, whether or not earlier calls have ended.
func (s *service) callers(ctx context.Context, d dependency, b *bulk.Bulkhead, calls *sync.WaitGroup) {
	call := func(ctx context.Context) error { return pause(ctx, s.duration(d)) }
	guarded := bulk.GuardDo(b, call)
	for pause(ctx, time.Duration(rand.ExpFloat64()/d.rate*float64(time.Second))) == nil {
		calls.Go(func() { _ = guarded(ctx) }) // a service would answer with an error
	}
}

// duration returns how long a call takes now.
func (s *service) duration(d dependency) time.Duration {
	mean := float64(d.hold)
	if s.quarter() == 2 {
		mean *= d.slow
	}
	return time.Duration(rand.ExpFloat64() * mean)
}

// resize changes the capacity of one dependency twice in each period.
func (s *service) resize(ctx context.Context) {
	b, _ := s.bulkheads.Get(resized)
	slots := b.Capacity().Parallelism
	for pause(ctx, s.period/8) == nil {
		n := slots
		if s.quarter() >= 2 {
			n = fewerSlots
		}
		if b.Resize(n) != nil {
			return // closed
		}
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
