package main

import (
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/registry"
)

// The capacity of the bulkhead of one tenant, and the largest number of tenants.
const (
	parallelism = 4
	waitingRoom = 4
	waitLimit   = 100 * time.Millisecond
	maxTenants  = 100
)

// limiter admits or rejects the requests of tenants. A rejected one is answered
// immediately with 503 and Retry-After.
type limiter struct {
	name    string
	protect func(http.Handler) http.Handler
	counts  func() counts
}

// counts holds the totals of all bulkheads of a limiter.
type counts struct {
	bulkheads int
	slots     int // of all bulkheads together
	totals    bulk.Totals
}

// shared returns a limiter with one bulkhead for all tenants, which is as large as the
// bulkheads of four tenants.
func shared() limiter {
	const tenants = 4
	b := bulk.Must(bulk.New("server", tenants*parallelism,
		bulk.WaitingRoom(tenants*waitingRoom), bulk.WaitLimit(waitLimit)))
	return limiter{
		name:    "one bulkhead for all",
		protect: bulkhttp.Middleware(b),
		counts: func() counts {
			s := b.Status()
			return counts{1, s.Capacity.Parallelism, s.Totals}
		},
	}
}

// perTenant returns a limiter that creates a bulkhead for each tenant, at its first
// request.
func perTenant() limiter {
	k, err := registry.NewKeyed[string]("tenants", parallelism, maxTenants,
		registry.Each(bulk.WaitingRoom(waitingRoom), bulk.WaitLimit(waitLimit)))
	if err != nil {
		panic(err) // the arguments are constants
	}
	return limiter{
		name:    "a bulkhead for each tenant",
		protect: bulkhttp.KeyMiddleware(k, tenantOf),
		counts: func() counts {
			s := k.Status()
			return counts{s.Keys, s.Keys * parallelism, s.Totals}
		},
	}
}

// In production, use the authenticated tenant: a client that can claim to be any tenant
// can occupy all keys.
func tenantOf(r *http.Request) (tenant string, limited bool) { return r.Header.Get("X-Tenant"), true }
