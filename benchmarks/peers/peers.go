// Package peers has Bulklink and the limiters that it is compared with, all behind one
// small interface, and declares the abilities of each.
package peers

import (
	"context"
	"math"
	"time"
)

// Op is the operation that a peer protects.
type Op = func(context.Context) (int, error)

// Peer limits how many operations run concurrently.
type Peer interface {
	// Run runs op when it is admitted, or returns an error.
	Run(ctx context.Context, op Op) (int, error)
	// Times calls Run n times. Each peer has its own loop, so that a figure of a few
	// nanoseconds includes neither a call through this interface nor a counter of
	// the benchmark.
	Times(ctx context.Context, n int, op Op)
}

// Holder is a Peer that can acquire and release slots without running a function.
type Holder interface {
	// Pairs acquires and releases a slot n times. It waits like Run.
	Pairs(ctx context.Context, n int)
}

// Setup holds the parameters of a peer.
type Setup struct {
	Slots int           // how many operations may run concurrently
	Room  int           // size of the waiting room, for peers that bound it
	Wait  time.Duration // how long an operation may wait; 0: waiting is not allowed
	// Listen is the number of event handlers, which do nothing.
	Listen int
}

// Forever is a Wait without a limit.
const Forever time.Duration = math.MaxInt64

// Spec describes one peer.
type Spec struct {
	Name   string  // in benchmark names
	Title  string  // in tables
	Module string  // module path; empty: implemented here in a few lines
	Has    Ability // what the peer can do
	Note   string  // other differences that matter for a comparison
	// New makes a peer, or returns nil if it does not support the setup.
	New func(Setup) Peer
}

// All returns the peers: Bulklink, then the floor, then the others, roughly from the
// fewest features to the most.
func All() []Spec {
	return []Spec{bulklink, floor, channel, channelCtx, channelTimer, xsync, failsafePermits, resiliency, fortify, failsafe}
}

// Find returns the peer with the given name.
func Find(name string) (Spec, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Spec{}, false
}

// Patient makes a peer whose operations wait without a limit, or for a minute if the peer
// needs a limit.
func (s Spec) Patient(setup Setup) Peer {
	setup.Wait = Forever
	if p := s.New(setup); p != nil {
		return p
	}
	setup.Wait = time.Minute
	return s.New(setup)
}
