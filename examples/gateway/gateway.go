package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/contrib/bulkhttp"
	"github.com/bulklink/bulklink-go/contrib/bulkprom"
	"github.com/bulklink/bulklink-go/dashboard"
	"github.com/bulklink/bulklink-go/registry"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	rounds       = 2                     // through the providers of a model
	pause        = 50 * time.Millisecond // between two rounds, on average
	waitLimit    = 100 * time.Millisecond
	requestLimit = 5 * time.Second  // until a client has sent its request
	beginLimit   = 20 * time.Second // until a provider begins its answer
	callLimit    = 5 * time.Minute  // until a provider ends its answer
	readerLimit  = 30 * time.Second // until a client has read a chunk: longer than all that comes before the first one
	maxBody      = 1 << 20
)

// A model has a weight, the number of slots that a request for it holds, and providers in
// order of preference.
type model struct {
	weight    int
	providers []*provider
}

type provider struct {
	name      string
	url       string
	slots     *bulk.Bulkhead
	transport http.RoundTripper // through slots
}

// A domain can become slow on its own: the use of one provider by one tenant.
type domain struct{ tenant, provider string }

type gateway struct {
	server    http.Server
	admin     http.Server       // metrics and dashboard, for an internal address
	tenants   map[string]string // by API key
	models    map[string]model
	bulkheads *registry.Registry      // those of the providers, keys and domains
	keys      *registry.Keyed[string] // by API key: bounds what a client can have open
	domains   *registry.Keyed[domain] // protects the tenants from each other, at each provider
	upstream  *http.Transport
	accepted  atomic.Int64 // requests
}

// newGateway returns a gateway without providers and models. Each API key has at most
// open requests, and each tenant at most share requests in flight at each provider,
// whatever their models weigh.
func newGateway(tenants map[string]string, open, share int) (*gateway, error) {
	bulkheads := registry.New(bulk.WaitLimit(waitLimit))
	keys, errKeys := registry.CreateKeyed[string](bulkheads, "API keys", open, 10_000, registry.Each(bulk.WaitLimit(0)))
	domains, errDomains := registry.CreateKeyed[domain](bulkheads, "tenants", share, 10_000, registry.Each(bulk.WaitingRoom(share)))
	if err := errors.Join(errKeys, errDomains); err != nil {
		return nil, err
	}
	g := &gateway{
		tenants:   tenants,
		models:    map[string]model{},
		bulkheads: bulkheads,
		keys:      keys,
		domains:   domains,
		upstream:  &http.Transport{MaxIdleConnsPerHost: 100, ResponseHeaderTimeout: beginLimit},
	}
	mux := http.NewServeMux()
	chat := bulkhttp.KeyMiddleware(keys, g.keyOf, bulkhttp.OnReject(rejectKey))(http.HandlerFunc(g.chat))
	mux.HandleFunc("POST /chat", func(w http.ResponseWriter, r *http.Request) {
		g.accepted.Add(1)
		chat.ServeHTTP(w, r)
	})
	g.server = http.Server{Handler: mux, ReadHeaderTimeout: requestLimit, WriteTimeout: readerLimit}
	g.admin = http.Server{Handler: adminPages(bulkheads), ReadHeaderTimeout: requestLimit}
	return g, nil
}

// adminPages has the metrics and the dashboard of all bulkheads. They contain no API key
// and no tenant.
func adminPages(bulkheads *registry.Registry) http.Handler {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(bulkprom.New(bulkprom.Registry(bulkheads)))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.Handle("/debug/bulkheads/", http.StripPrefix("/debug/bulkheads", dashboard.Handler(bulkheads)))
	return mux
}

// addProvider adds a provider. A request to it holds its slots until the answer was read.
func (g *gateway) addProvider(name, url string, slots int) (*provider, error) {
	b, err := g.bulkheads.Create(name, slots, bulk.WaitingRoom(slots))
	if err != nil {
		return nil, err
	}
	byWeight := bulkhttp.Slots(func(r *http.Request) int { return g.models[r.Header.Get("X-Model")].weight })
	return &provider{name, url, b, bulkhttp.Transport(b, g.upstream, byWeight)}, nil
}

// keyOf returns the API key of a request. An unknown key gets no bulkhead, and 401.
func (g *gateway) keyOf(r *http.Request) (key string, limited bool) {
	key = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, limited = g.tenants[key]
	return key, limited
}

// readBody reads the body before anything else is done: until then, net/http does not
// notice that a client left.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(requestLimit)); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	return body, errors.Join(err, c.SetReadDeadline(time.Time{}))
}

// chat answers a request for a model with the answer of a provider.
func (g *gateway) chat(w http.ResponseWriter, r *http.Request) {
	key, known := g.keyOf(r)
	if !known {
		http.Error(w, "unknown API key", http.StatusUnauthorized)
		return
	}
	body, err := readBody(w, r)
	var q struct{ Model string }
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m, ok := g.models[q.Model]
	if !ok {
		http.Error(w, fmt.Sprintf("unknown model %q", q.Model), http.StatusNotFound)
		return
	}
	a := &answer{w: w, id: r.Header.Get("X-Request-Id"), model: q.Model, body: body}
	rejected, err := g.ask(r.Context(), g.tenants[key], m, a)
	switch {
	case r.Context().Err() != nil: // the client left
	case rejected != nil:
		rejected.answer(w)
	case err != nil && a.begun:
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	case err != nil:
		http.Error(w, "the provider failed", http.StatusBadGateway)
	}
}

// ask tries the providers of m in turn until one starts the request. One that is full or
// cannot be reached does not. No slot is held in the pause between two rounds. A request that was started is never repeated, because
// the provider may have charged for it, also if it failed.
//
// If no provider started the request, ask returns the rejection of the last round.
func (g *gateway) ask(ctx context.Context, tenant string, m model, a *answer) (*rejection, error) {
	for round := 1; ; round++ {
		rejected := &rejection{byShare: true}
		for _, p := range m.providers {
			err := g.try(ctx, tenant, p, a)
			byShare := g.domains.NotStarted(err)
			switch {
			case isUnreachable(err):
				err = fmt.Errorf("provider %s cannot be reached", p.name) // without its address
			case !byShare && !bulk.NotStarted(err, p.slots):
				return nil, err
			}
			rejected.error = errors.Join(rejected.error, err)
			rejected.byShare = rejected.byShare && byShare
		}
		if round == rounds || ctx.Err() != nil || !errors.Is(rejected, bulk.ErrOverload) {
			return rejected, nil
		}
		sleep(ctx, pause/2+rand.N(pause))
	}
}

// isUnreachable reports whether there was no connection, so that nothing was sent.
func isUnreachable(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "dial"
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// try sends the request to p and streams the answer. The slot of the domain and those of
// p are held until the stream ends. The domain is outside: a tenant waits for its own slot
// before it holds one of p.
func (g *gateway) try(ctx context.Context, tenant string, p *provider, a *answer) error {
	_, err := registry.RunKey(ctx, g.domains, domain{tenant, p.name}, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.stream(ctx, p)
	})
	return err
}

// shutdown accepts no new connection, waits for the accepted requests, and then closes
// the bulkheads. In the opposite order, accepted requests that wait for a slot would be
// rejected. When ctx ends, the remaining requests are cut off.
func (g *gateway) shutdown(ctx context.Context) error {
	err := g.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests are cut off: %w", err), g.server.Close())
	}
	// Requests that were cut off need a moment to release their slots.
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, g.bulkheads.Shutdown(drain), g.admin.Shutdown(drain)) // the metrics last
	g.upstream.CloseIdleConnections()
	return err
}
