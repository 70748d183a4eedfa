package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
)

// The tables of docs/capacity.md, in virtual time:
//
//	go test ./registry -run TestNesting -v
//
// prints them, and fails if the page has others.
//
// Four tenants each send 20 searches and 10 payments per second for one minute.
// The two dependencies have nothing to do with each other. A search takes about
// 20 ms. Each tenant has bulkheads of 4 slots, with 4 places to wait and a wait
// limit of 100 ms; each dependency has one of 20 slots for all tenants together.
const (
	nestTenants  = 4
	nestDuration = time.Minute
	nestCall     = 20 * time.Millisecond
	nestSlow     = 4 * time.Second
	nestPause    = 100 * time.Millisecond // before the second attempt; doubled before each next one
	nestAttempts = 4
)

// domain is the key of one failure domain of one tenant.
type domain struct{ tenant, dependency string }

type work func(context.Context) error

// layout is one way to nest the same bulkheads around the same work.
type layout struct {
	name   string
	nested func(n *nest, at domain, fn work) work
}

// nest has the bulkheads of one run.
type nest struct {
	tenants      *registry.Keyed[string] // one bulkhead for each tenant
	wide         *registry.Keyed[string] // the same, with a slot for every operation that the domains can hold
	domains      *registry.Keyed[domain] // one bulkhead for each tenant and dependency
	dependencies map[string]*bulk.Bulkhead
	attempts     func(at domain, fn work) work
}

func (n *nest) tenant(at domain, fn work) work {
	return func(ctx context.Context) error { return runIn(ctx, n.tenants, at.tenant, fn) }
}

func (n *nest) wideTenant(at domain, fn work) work {
	return func(ctx context.Context) error { return runIn(ctx, n.wide, at.tenant, fn) }
}

func (n *nest) domain(at domain, fn work) work {
	return func(ctx context.Context) error { return runIn(ctx, n.domains, at, fn) }
}

func (n *nest) dependency(at domain, fn work) work {
	return bulk.GuardDo(n.dependencies[at.dependency], fn)
}

func runIn[K comparable](ctx context.Context, k *registry.Keyed[K], key K, fn work) error {
	_, err := registry.RunKey(ctx, k, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

var (
	nestTenant = layout{"tenant( dependency( call ))", func(n *nest, at domain, fn work) work {
		return n.tenant(at, n.dependency(at, fn))
	}}
	nestDomain = layout{"{tenant, dependency}( dependency( call ))", func(n *nest, at domain, fn work) work {
		return n.domain(at, n.dependency(at, fn))
	}}
	nestWide = layout{"wide tenant( {tenant, dependency}( dependency( call )))", func(n *nest, at domain, fn work) work {
		return n.wideTenant(at, n.domain(at, n.dependency(at, fn)))
	}}
	nestTenantRetry = layout{"tenant( retry( dependency( call )))", func(n *nest, at domain, fn work) work {
		return n.tenant(at, n.attempts(at, n.dependency(at, fn)))
	}}
	nestDomainRetry = layout{"{tenant, dependency}( retry( dependency( call )))", func(n *nest, at domain, fn work) work {
		return n.domain(at, n.attempts(at, n.dependency(at, fn)))
	}}
	nestRetryDomain = layout{"retry( {tenant, dependency}( dependency( call )))", func(n *nest, at domain, fn work) work {
		return n.attempts(at, n.domain(at, n.dependency(at, fn)))
	}}
)

// answers counts calls, and those of them that were answered.
type answers struct{ calls, answered int }

func (a answers) String() string { return fmt.Sprintf("%d of %d", a.answered, a.calls) }

var errBankDown = errors.New("the bank is down")

// simulateNest runs the load through l. Payments take 4 s if they are slow;
// otherwise 20 ms, and the bank of every second one is down.
func simulateNest(l layout, slow bool) (searches, payments answers) {
	var mu sync.Mutex
	each := registry.Each(bulk.WaitingRoom(4), bulk.WaitLimit(100*time.Millisecond))
	n := &nest{
		tenants:      nestKeyed[string]("tenants", 4, each),
		wide:         nestKeyed[string]("tenants", 2*(4+4)), // two dependencies, each with 4 slots and 4 places to wait
		domains:      nestKeyed[domain]("tenants", 4, each),
		dependencies: map[string]*bulk.Bulkhead{},
	}
	for _, label := range []string{"search", "payments"} {
		n.dependencies[label] = bulk.Must(bulk.New(label, 20, bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond)))
	}
	call := func(seed uint64, at domain, down bool, count *answers) {
		// Every call has random numbers of its own, so that all runs are alike and
		// no two things happen at the same instant.
		rng := rand.New(rand.NewPCG(seed, 1))
		n := *n
		n.attempts = func(_ domain, fn work) work {
			return func(ctx context.Context) (err error) {
				for i := range nestAttempts {
					if i > 0 {
						time.Sleep(around(rng, nestPause<<(i-1)))
					}
					if err = fn(ctx); !errors.Is(err, errBankDown) {
						break
					}
				}
				return err
			}
		}
		takes := nestCall
		if slow && at.dependency == "payments" {
			takes = nestSlow
		}
		err := l.nested(&n, at, func(context.Context) error {
			time.Sleep(around(rng, takes))
			if down {
				return errBankDown
			}
			return nil
		})(context.Background())
		if down {
			return // no order gets an answer from a bank that is down
		}
		mu.Lock()
		defer mu.Unlock()
		count.calls++
		if err == nil {
			count.answered++
		} else if !errors.Is(err, bulk.ErrOverload) {
			panic(err)
		}
	}
	var callers sync.WaitGroup
	send := func(seed uint64, at domain, perSecond int, downOneIn int, count *answers) {
		rng := rand.New(rand.NewPCG(seed, 2))
		interval := time.Second / time.Duration(perSecond)
		for i := range int(nestDuration / interval) {
			callers.Go(func() { call(seed+uint64(i), at, downOneIn > 0 && i%downOneIn == 0, count) })
			time.Sleep(around(rng, interval))
		}
	}
	for i := range nestTenants {
		tenant := fmt.Sprint("tenant ", i)
		downOneIn := 2
		if slow {
			downOneIn = 0
		}
		seed := uint64(i) << 32
		callers.Go(func() { send(seed, domain{tenant, "search"}, 20, 0, &searches) })
		callers.Go(func() { send(seed+1<<31, domain{tenant, "payments"}, 10, downOneIn, &payments) })
	}
	callers.Wait()
	return searches, payments
}

func nestKeyed[K comparable](label string, parallelism int, opts ...registry.KeyedOption) *registry.Keyed[K] {
	k, err := registry.NewKeyed[K](label, parallelism, 100, opts...)
	if err != nil {
		panic(err)
	}
	return k
}

// around returns d ± 50 %.
func around(rng *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(rng.Int64N(int64(d)))
}

func TestNestingByFailureDomainKeepsAHealthyDependencyAnswering(t *testing.T) {
	page, err := os.ReadFile("../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	type row struct{ searches, payments answers }
	got := map[string]row{}
	for _, table := range []struct {
		head    string
		slow    bool
		layouts []layout
	}{
		{"| payments take 4 s | searches answered | payments answered |\n|---|---|---|\n", true,
			[]layout{nestTenant, nestDomain, nestWide}},
		{"| every second payment fails, and is retried | searches answered | payments to a healthy bank answered |\n|---|---|---|\n", false,
			[]layout{nestTenantRetry, nestDomainRetry, nestRetryDomain}},
	} {
		text := table.head
		for _, l := range table.layouts {
			var r row
			synctest.Test(t, func(*testing.T) { r.searches, r.payments = simulateNest(l, table.slow) })
			got[l.name] = r
			text += fmt.Sprintf("| `%s` | %v | %v |\n", l.name, r.searches, r.payments)
		}
		t.Logf("\n%s", text)
		if !strings.Contains(string(page), text) {
			t.Error("docs/capacity.md has another table")
		}
	}
	all := func(a answers) bool { return a.calls > 0 && a.answered == a.calls }
	few := func(a answers) bool { return a.answered < a.calls/2 }
	// What the page says about them.
	for _, c := range []struct {
		layout layout
		says   string
		ok     bool
	}{
		{nestTenant, "slow payments starve searches", few(got[nestTenant.name].searches)},
		{nestDomain, "every search is answered", all(got[nestDomain.name].searches)},
		{nestWide, "every search is answered", all(got[nestWide.name].searches)},
		{nestWide, "it costs no payment", got[nestWide.name].payments == got[nestDomain.name].payments},
		{nestTenantRetry, "retries starve searches", !all(got[nestTenantRetry.name].searches)},
		{nestDomainRetry, "every search is answered", all(got[nestDomainRetry.name].searches)},
		{nestDomainRetry, "retries starve payments", !all(got[nestDomainRetry.name].payments)},
		{nestRetryDomain, "every search is answered", all(got[nestRetryDomain.name].searches)},
		{nestRetryDomain, "every payment is answered", all(got[nestRetryDomain.name].payments)},
	} {
		if !c.ok {
			t.Errorf("%s: %s: not so: %+v", c.layout.name, c.says, got[c.layout.name])
		}
	}
}
