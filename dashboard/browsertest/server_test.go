package browsertest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// server is an HTTP server that can be started again on its port.
type server struct {
	*testing.T
	address string
	stop    func()
}

const mounted = "/debug/bulkheads"

// serve serves the page until the end of the test.
func serve(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{T: t, address: "localhost:0"}
	s.start(h)
	t.Cleanup(func() {
		over.Store(s.address, true)
		s.stop()
	})
	return s
}

// over has the addresses of servers whose test is over. The pages of their tabs may report
// that they were cut off.
var over sync.Map

func (s *server) start(h http.Handler) {
	s.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.Fatal(err)
	}
	s.address = l.Addr().String()
	over.Delete(s.address)
	mux := http.NewServeMux()
	mux.Handle(mounted+"/", http.StripPrefix(mounted, h))
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		_ = hs.Serve(l)
		close(done)
	}()
	s.stop = func() {
		_ = hs.Close() // as a process that is killed
		<-done
	}
}

// at returns the address of a page.
func (s *server) at(format string, args ...any) string {
	return "http://" + s.address + mounted + "/" + fmt.Sprintf(format, args...)
}

// fill takes all slots of b.
func fill(b *bulk.Bulkhead) {
	for range b.Capacity().Parallelism {
		b.TryAcquire()
	}
}

// overload takes all slots of b, and sends it operations, which it rejects, until the end
// of the test: what the page says of b depends on the last seconds, however long the
// browser takes.
func overload(t *testing.T, b *bulk.Bulkhead) {
	fill(b)
	ctx, cancel := context.WithCancel(context.Background())
	var load sync.WaitGroup
	load.Go(func() {
		for ctx.Err() == nil {
			for range 20 {
				_ = bulk.Do(ctx, b, func(context.Context) error { return nil })
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		cancel()
		load.Wait()
	})
}

// counted is a handler that knows how many live pages it has.
type counted struct {
	http.Handler
	live atomic.Int64
}

func (c *counted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) == "events" {
		c.live.Add(1)
		defer c.live.Add(-1)
	}
	c.Handler.ServeHTTP(w, r)
}
