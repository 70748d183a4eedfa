package main

import (
	"context"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// What each tenant has to itself when it has a compartment of its own.
const (
	parallelism = 4
	waitingRoom = 4
	waitLimit   = 100 * time.Millisecond
	maxTenants  = 100
)

// gate decides which requests are served.
type gate struct {
	name   string
	admit  func(ctx context.Context, tenant string) (bulk.Slot, error)
	counts func() counts
}

// counts is what a gate has counted.
type counts struct {
	compartments int
	slots        int // of all compartments together
	totals       bulk.Totals
}

// shared is one compartment for all: as large as four of one tenant.
func shared() gate {
	const tenants = 4
	b := bulk.Must(bulk.New("server", tenants*parallelism,
		bulk.WaitingRoom(tenants*waitingRoom), bulk.WaitLimit(waitLimit)))
	return gate{
		name:  "one compartment for all",
		admit: func(ctx context.Context, _ string) (bulk.Slot, error) { return b.Acquire(ctx) },
		counts: func() counts {
			s := b.Status()
			return counts{1, s.Capacity.Parallelism, s.Totals}
		},
	}
}

// perTenant is a compartment for each tenant, made when its first request comes.
func perTenant() gate {
	k, err := registry.NewKeyed[string]("tenants", parallelism, maxTenants,
		registry.Each(bulk.WaitingRoom(waitingRoom), bulk.WaitLimit(waitLimit)))
	if err != nil {
		panic(err) // the values stand above
	}
	return gate{
		name:  "a compartment for each tenant",
		admit: func(ctx context.Context, tenant string) (bulk.Slot, error) { return k.Acquire(ctx, tenant) },
		counts: func() counts {
			s := k.Status()
			return counts{s.Keys, s.Keys * parallelism, s.Totals}
		},
	}
}
