package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/registry"
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
	name  string
	url   string
	slots *bulk.Bulkhead
}

// A domain can become slow on its own: the use of one provider by one tenant.
type domain struct{ tenant, provider string }

type gateway struct {
	server    http.Server
	tenants   map[string]string // by API key
	models    map[string]model
	providers *registry.Registry      // protects each provider from the sum of all tenants
	domains   *registry.Keyed[domain] // protects the tenants from each other, at each provider
	upstream  *http.Transport
	accepted  atomic.Int64 // requests
}

// newGateway returns a gateway without providers and models. Each tenant has at most
// share requests in flight at each provider, whatever their models weigh.
func newGateway(tenants map[string]string, share int) (*gateway, error) {
	domains, err := registry.NewKeyed[domain]("tenants", share, 10_000,
		registry.Each(bulk.WaitingRoom(share), bulk.WaitLimit(waitLimit)))
	if err != nil {
		return nil, err
	}
	g := &gateway{
		tenants:   tenants,
		models:    map[string]model{},
		providers: registry.New(bulk.WaitLimit(waitLimit)),
		domains:   domains,
		upstream:  &http.Transport{MaxIdleConnsPerHost: 100, ResponseHeaderTimeout: beginLimit},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", g.chat)
	mux.HandleFunc("GET /status", g.statusText)
	mux.HandleFunc("GET /status.json", g.statusJSON)
	g.server = http.Server{Handler: mux, ReadHeaderTimeout: requestLimit, WriteTimeout: readerLimit}
	return g, nil
}

func (g *gateway) addProvider(name, url string, slots int) (*provider, error) {
	b, err := g.providers.Create(name, slots, bulk.WaitingRoom(slots))
	return &provider{name, url, b}, err
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
	g.accepted.Add(1)
	tenant, ok := g.tenants[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
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
	a := &answer{w: w, id: r.Header.Get("X-Request-Id"), body: body}
	rejected, err := g.ask(r.Context(), tenant, m, a)
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

// ask tries the providers of m in turn until one starts the request. No slot is held in
// the pause between two rounds. A request that was started is never repeated, because
// the provider may have charged for it, also if it failed.
//
// If no provider started the request, ask returns the rejection of the last round.
func (g *gateway) ask(ctx context.Context, tenant string, m model, a *answer) (*rejection, error) {
	for round := 1; ; round++ {
		rejected := &rejection{byShare: true}
		for _, p := range m.providers {
			err := g.try(ctx, tenant, p, m.weight, a)
			byShare := g.domains.NotStarted(err)
			if !byShare && !bulk.NotStarted(err, p.slots) {
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

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// try sends the request to p and streams the answer. Both slots are held until the stream
// ends. The key is outside: a tenant waits for its own slot before it holds one of p.
func (g *gateway) try(ctx context.Context, tenant string, p *provider, weight int, a *answer) error {
	_, err := registry.RunKey(ctx, g.domains, domain{tenant, p.name}, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, bulk.DoN(ctx, p.slots, weight, func(ctx context.Context) error {
			return a.stream(ctx, g.upstream, p)
		})
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
	err = errors.Join(err, g.domains.Shutdown(drain), g.providers.Shutdown(drain))
	g.upstream.CloseIdleConnections()
	return err
}
