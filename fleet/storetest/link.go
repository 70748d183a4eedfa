package storetest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// Link is a network that can fail: a TCP proxy on loopback between the client of an
// engine and the engine. A test gives it to [Engine]. Connect Store through
// [Link.Addr], and let the client connect again without a long pause.
type Link struct {
	listener net.Listener
	engine   string

	mu    sync.Mutex
	state linkState
	conns map[net.Conn]struct{}
	group sync.WaitGroup
}

type linkState uint8

const (
	open        linkState = iota
	cut                   // no connection
	noRequests            // what the client sends is lost
	noAnswers             // what the engine sends is lost
	linkStopped           // after the test
)

// NewLink starts a link to the TCP address of an engine, which does not have to answer
// yet. The link ends with the test.
func NewLink(t testing.TB, engine string) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{listener: listener, engine: engine, conns: make(map[net.Conn]struct{})}
	l.group.Go(l.accept)
	t.Cleanup(func() {
		listener.Close()
		l.become(linkStopped)
		l.group.Wait()
	})
	return l
}

// Addr returns the TCP address to connect to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Cut closes all connections and accepts none until Restore.
func (l *Link) Cut() { l.become(cut) }

// LoseRequests loses what the client sends. Its connections stay open.
func (l *Link) LoseRequests() { l.become(noRequests) }

// LoseAnswers loses what the engine sends. Its connections stay open, and what the
// client sends arrives.
func (l *Link) LoseAnswers() { l.become(noAnswers) }

// Restore ends every fault. It closes the connections that have lost something, so that
// the client connects again.
func (l *Link) Restore() { l.become(open) }

func (l *Link) become(s linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == cut || s == linkStopped || s == open && l.state != open {
		for c := range l.conns {
			c.Close()
		}
	}
	l.state = s
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.group.Go(func() { l.serve(client) })
	}
}

// serve copies in both directions until one of them ends.
func (l *Link) serve(client net.Conn) {
	defer client.Close()
	if !l.has(client) {
		return
	}
	defer l.forget(client)
	engine, err := net.Dial("tcp", l.engine)
	if err != nil {
		return
	}
	defer engine.Close()
	if !l.has(engine) {
		return
	}
	defer l.forget(engine)
	var both sync.WaitGroup
	both.Go(func() { l.copy(engine, client, noRequests) })
	both.Go(func() { l.copy(client, engine, noAnswers) })
	both.Wait()
}

// has adds a connection, unless there must be none.
func (l *Link) has(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == cut || l.state == linkStopped {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Link) forget(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// copy copies until one of the connections ends, and then ends both. It drops what
// arrives while the link is in the state lost.
func (l *Link) copy(to, from net.Conn, lost linkState) {
	defer to.Close()
	defer from.Close()
	_, _ = io.Copy(lossy{to, l, lost}, from) // a connection that ends is no error
}

// lossy is a connection that drops what is written while its link is in a state.
type lossy struct {
	net.Conn
	link *Link
	lost linkState
}

// Write writes p or drops it, and reports success in both cases.
func (c lossy) Write(p []byte) (int, error) {
	c.link.mu.Lock()
	drop := c.link.state == c.lost
	c.link.mu.Unlock()
	if drop {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// String names the two ends.
func (l *Link) String() string { return fmt.Sprintf("link from %s to %s", l.Addr(), l.engine) }
