package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

// The times of the leases. They are short, so that one can watch what happens; the
// defaults of package fleet suit a real service.
const (
	refresh = 500 * time.Millisecond
	ttl     = 2 * time.Second
	grace   = 1 * time.Second // more than the longest call
)

// budget is the name of the budget that all replicas share.
const budget = "payments"

// replicaConfig is what a replica gets from the process that starts it.
type replicaConfig struct {
	Name       string `json:"name"`
	Store      string `json:"store"`      // its URL
	Dependency string `json:"dependency"` // its address
	Total      int    `json:"total"`
	Page       bool   `json:"page"` // whether it serves its dashboard

	Grace time.Duration `json:"grace_ns"`
}

// report is what a replica writes to its standard output ten times a second.
type report struct {
	Share    int           `json:"share"`
	State    fleet.State   `json:"state"`
	Lease    time.Duration `json:"lease_ns"` // until it ends
	InFlight int           `json:"in_flight"`
	Waiting  int           `json:"waiting"`
	Error    string        `json:"error,omitempty"`
	Page     string        `json:"page,omitempty"` // address of its dashboard
}

// runReplica is a service with a bulkhead in front of the dependency. It joins the
// fleet, and leaves it when its standard input ends. Each line of the input is the
// number of concurrent callers.
func runReplica(ctx context.Context, c replicaConfig, in io.Reader, out io.Writer) (err error) {
	store, closeStore, err := openStore(ctx, c.Store)
	if err != nil {
		return err
	}
	defer closeStore()
	b, err := bulk.New(budget, c.Total, bulk.WaitingRoom(1000))
	if err != nil {
		return err
	}
	member, err := fleet.Join(ctx, store, budget, c.Total, b,
		fleet.Name(c.Name), fleet.Refresh(refresh), fleet.TTL(ttl), fleet.Grace(c.Grace), fleet.OnLost(fleet.Stop()))
	if err != nil {
		return err
	}
	var page string
	if c.Page {
		address, stopPage, startErr := serveDashboard(member)
		if startErr != nil {
			return startErr
		}
		page = address
		defer func() { err = errors.Join(err, stopPage()) }()
	}
	reporting, stop := context.WithCancel(ctx)
	defer stop()
	go reports(reporting, b, member, page, json.NewEncoder(out))

	callers := callers{ctx: ctx, bulkhead: b, dependency: c.Dependency}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var n int
		if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
			return err
		}
		callers.set(n)
	}
	callers.set(0)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return member.Leave(ctx)
}

func reports(ctx context.Context, b *bulk.Bulkhead, member *fleet.Member, page string, out *json.Encoder) {
	for ctx.Err() == nil {
		m, s := member.Status(), b.Status()
		if out.Encode(report{m.Share, m.State, m.Lease, s.InFlight, s.Waiting, m.LastError, page}) != nil {
			return // the reader has left
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// callers call the dependency through the bulkhead, one call after another.
type callers struct {
	ctx        context.Context
	bulkhead   *bulk.Bulkhead
	dependency string
	stop       []context.CancelFunc // one for each caller
	running    sync.WaitGroup
}

// set changes the number of callers. If there are fewer, it returns when the others
// have finished their calls.
func (c *callers) set(n int) {
	for len(c.stop) < n {
		ctx, cancel := context.WithCancel(c.ctx)
		c.stop = append(c.stop, cancel)
		c.running.Go(func() { c.run(ctx) })
	}
	for len(c.stop) > n {
		last := len(c.stop) - 1
		c.stop[last]()
		c.stop = c.stop[:last]
	}
	if n == 0 {
		c.running.Wait()
	}
}

func (c *callers) run(ctx context.Context) {
	conn, err := net.Dial("tcp", c.dependency)
	if err != nil {
		return
	}
	defer conn.Close()
	for ctx.Err() == nil {
		failed := bulk.Do(ctx, c.bulkhead, func(context.Context) error { return call(conn) })
		if failed != nil && ctx.Err() == nil { // rejected, or the dependency is gone
			time.Sleep(shortest)
		}
	}
}
