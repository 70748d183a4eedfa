package dashboard

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// viewer is a live page. Its handler writes the messages, so that one that does not read
// does not delay the others.
type viewer struct {
	id       uint64       // of the bulkhead that is shown; 0: the list
	server   *http.Server // nil if it is not known
	messages chan []byte
	leave    context.CancelFunc
}

const (
	maxViewers   = 100
	maxBehind    = 3                // messages that a viewer may be behind before it is dropped
	writeTimeout = 10 * time.Second // for one message
)

var (
	errTooMany  = errors.New("too many live pages are open")
	errShutdown = errors.New("the server is being shut down")
)

// cannotFlush is what a page says instead of connecting again and again, before the time
// of its figures.
const cannotFlush = "Not live: a middleware of the server has no Flush. Snapshot"

// send queues a message. A viewer that is too far behind is dropped; its page connects
// again and gets everything. The lock is held.
func (v *viewer) send(s *sampler, message []byte) {
	select {
	case v.messages <- message:
	default:
		s.remove(v)
	}
}

// join adds a viewer and starts sampling with the first one. The first message has the
// whole state, and the next ones what changes after it.
func (s *sampler) join(v *viewer) error {
	s.refresh()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) >= maxViewers {
		return errTooMany
	}
	v.messages <- event("state", s.stateMessage(v.id))
	s.viewers[v] = struct{}{}
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.run(s.stop)
	}
	return nil
}

// part removes a viewer, and ends sampling with the last one.
func (s *sampler) part(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(v)
}

// remove is part with the lock held.
func (s *sampler) remove(v *viewer) {
	v.leave()
	delete(s.viewers, v)
	if len(s.viewers) == 0 && s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

// partAll removes the viewers of a server.
func (s *sampler) partAll(server *http.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.viewers {
		if v.server == server {
			s.remove(v)
		}
	}
}

// serveEvents writes Server-Sent Events until the client leaves. Behind a middleware whose
// http.ResponseWriter has neither Flush nor Unwrap, they would come when that is too late:
// then the page is told so.
func (d *dashboard) serveEvents(w http.ResponseWriter, r *http.Request) {
	id, ok := idOf(r)
	if !ok {
		fail(w, http.StatusBadRequest, "id must be the number of a bulkhead.")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // for nginx
	if r.Method == http.MethodHead {
		return
	}
	out := http.NewResponseController(w)
	ctx, leave := context.WithCancel(r.Context())
	defer leave()
	v := &viewer{id: id, server: serverOf(r), messages: make(chan []byte, maxBehind), leave: leave}
	err := d.sampler.join(v)
	if err == nil {
		defer d.sampler.part(v)
		if d.shutdowns.begun(v.server) { // now that Shutdown would find the viewer
			err = errShutdown
		}
	}
	if err != nil {
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, err.Error()+".")
		return
	}
	hello := event("hello", mustJSON(map[string]any{"instance": d.instance, "fields": fieldNames}))
	for message := hello; ; {
		// Without a deadline that can be set, the server's own bounds the write.
		_ = out.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(message); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			if errors.Is(err, http.ErrNotSupported) {
				_, _ = w.Write(event("unsupported", mustJSON(cannotFlush)))
			}
			return
		}
		select {
		case message = <-v.messages:
		case <-ctx.Done():
			return
		}
	}
}

// shutdowns are the servers whose Shutdown ends the live pages. Otherwise
// [http.Server.Shutdown] would wait for them until its own context ends.
type shutdowns struct {
	mu    sync.Mutex
	known map[*http.Server]*atomic.Bool // whether Shutdown was called
}

// watch lets the live pages of the server of r end when that is shut down. It is called
// with every request, because a live page can be requested after Shutdown was called, and
// it is too late then.
func (s *shutdowns) watch(r *http.Request, sampler *sampler) {
	server := serverOf(r)
	if server == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[server] != nil {
		return
	}
	if s.known == nil {
		s.known = make(map[*http.Server]*atomic.Bool)
	}
	begun := new(atomic.Bool)
	s.known[server] = begun
	server.RegisterOnShutdown(func() {
		begun.Store(true)
		sampler.partAll(server)
	})
}

// begun reports whether Shutdown of the server was called.
func (s *shutdowns) begun(server *http.Server) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	begun := s.known[server]
	return begun != nil && begun.Load()
}

// serverOf returns the server that has received r, nil if there is none.
func serverOf(r *http.Request) *http.Server {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	return server
}
