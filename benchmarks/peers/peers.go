// Package peers has what Bulklink is measured against, all behind one small
// interface, and says of each what it can't do.
package peers

import (
	"context"
	"math"
	"time"
)

// Op is the operation that a peer protects.
type Op = func(context.Context) (int, error)

// Peer limits how many operations run at once.
type Peer interface {
	// Run runs op once admitted, or says why it was not.
	Run(ctx context.Context, op Op) (int, error)
	// Times is a loop of n Runs. It stands in the peer, so that neither a call
	// through this interface nor a counter of the benchmark is part of a figure
	// that is but a few nanoseconds.
	Times(ctx context.Context, n int, op Op)
}

// Holder is a Peer that gives out what it admits, to be given back later.
type Holder interface {
	// Pairs acquires and releases n times, and waits as Run does.
	Pairs(ctx context.Context, n int)
}

// Setup is how a peer is to be made.
type Setup struct {
	Slots int
	Room  int           // places to wait, for those who bound them
	Wait  time.Duration // how long an operation may wait; 0: not at all
	// Listen asks for handlers of what happens, that do nothing.
	Listen int
}

// Forever is a Wait without a limit.
const Forever time.Duration = math.MaxInt64

// Spec describes one peer.
type Spec struct {
	Name   string // in benchmark names
	Title  string // in tables
	Module string // where it comes from; empty: written here, in a few lines
	Has    Ability
	Note   string // what else to know before comparing
	// New makes one, or returns nil if the peer has no such thing.
	New func(Setup) Peer
}

// All returns the peers, Bulklink first, then the floor, then from the barest
// to the richest.
func All() []Spec {
	return []Spec{bulklink, floor, channel, channelCtx, channelTimer, xsync, failsafePermits, resiliency, fortify, failsafe}
}

// Find returns the peer of that name.
func Find(name string) (Spec, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Spec{}, false
}

// Patient makes a peer whose operations wait as long as it takes, or a minute
// if it can't wait without a limit.
func (s Spec) Patient(setup Setup) Peer {
	setup.Wait = Forever
	if p := s.New(setup); p != nil {
		return p
	}
	setup.Wait = time.Minute
	return s.New(setup)
}
