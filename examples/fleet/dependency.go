package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// The longest and the shortest time of a call.
const (
	shortest = 20 * time.Millisecond
	longest  = 60 * time.Millisecond
)

// dependency is a server that counts the calls that are inside. A call begins with the
// byte B and ends with the byte E, both acknowledged: a client that is paused in between
// stays inside, as a transaction of a database does.
type dependency struct {
	listener net.Listener
	conns    sync.WaitGroup

	mu      sync.Mutex
	inside  int
	highest int // since the last call of reset
	served  int
}

func newDependency() (*dependency, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &dependency{listener: listener}
	d.conns.Go(d.accept)
	return d, nil
}

func (d *dependency) addr() string { return d.listener.Addr().String() }

// close waits until every client has closed its connections.
func (d *dependency) close() {
	d.listener.Close()
	d.conns.Wait()
}

func (d *dependency) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.conns.Go(func() { d.serve(conn) })
	}
}

func (d *dependency) serve(conn net.Conn) {
	defer conn.Close()
	var request [1]byte
	for {
		if _, err := conn.Read(request[:]); err != nil || request[0] != 'B' {
			return
		}
		d.enter()
		_, err := conn.Write(request[:])
		if err == nil {
			_, err = conn.Read(request[:])
		}
		if err != nil {
			time.Sleep(longest) // the client was killed: the work that it asked for goes on
		}
		d.leave()
		if _, err := conn.Write(request[:]); err != nil {
			return
		}
	}
}

func (d *dependency) enter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside++
	d.highest = max(d.highest, d.inside)
}

func (d *dependency) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
	d.served++
}

// counts returns the calls that are inside, the highest number that were inside since
// the last reset, and the number of calls that have ended.
func (d *dependency) counts() (inside, highest, served int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inside, d.highest, d.served
}

// reset begins to measure the highest number again.
func (d *dependency) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.highest = d.inside
}

// call makes one call. It is inside the dependency from the first answer at the latest
// until the second one.
func call(conn net.Conn) error {
	if err := exchange(conn, 'B'); err != nil {
		return err
	}
	time.Sleep(shortest + rand.N(longest-shortest))
	return exchange(conn, 'E')
}

func exchange(conn net.Conn, request byte) error {
	if _, err := conn.Write([]byte{request}); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := conn.Read(answer[:]); err != nil {
		return err
	}
	if answer[0] != request {
		return fmt.Errorf("the dependency answered %q to %q", answer[0], request)
	}
	return nil
}
