package main

import (
	"errors"
	"net"
	"sync"
	"testing"
)

// portsInUse opens listeners and records their addresses.
type portsInUse struct {
	failAt   int // number of the call that fails, 0 for none
	cancelAt int // number of the call whose listener calls cancel at its first connection, 0 for none
	cancel   func()

	mu    sync.Mutex
	addrs []string
}

func (p *portsInUse) listen() (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.addrs)+1 == p.failAt {
		return nil, errors.New("no port left")
	}
	l, err := loopback()
	if err != nil {
		return nil, err
	}
	p.addrs = append(p.addrs, l.Addr().String())
	if len(p.addrs) == p.cancelAt {
		return &cancelingListener{l, p.cancel}, nil
	}
	return l, nil
}

type cancelingListener struct {
	net.Listener
	cancel func()
}

func (l *cancelingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.cancel()
	}
	return conn, err
}

// verifyClosed checks that n servers were started and that all have stopped.
func (p *portsInUse) verifyClosed(t *testing.T, n int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.addrs) != n {
		t.Errorf("%d servers were started, want %d", len(p.addrs), n)
	}
	for _, addr := range p.addrs {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			t.Errorf("a server still listens on %s", addr)
		}
	}
}

// noListener returns a listener that fails the test when a server is started.
func noListener(t *testing.T) listener {
	return func() (net.Listener, error) {
		t.Error("a server was started")
		return nil, errors.New("not in this test")
	}
}
