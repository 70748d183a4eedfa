package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/internal/pgtest"
)

var server *pgtest.Server

func TestMain(m *testing.M) {
	var err error
	server, err = pgtest.Start(100)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		fmt.Println("SKIP: all tests of examples/database:", err)
		return
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// All callers arrive immediately, so the numbers depend on no clock.
func TestThePoolKeepsEveryCallerAndTheBulkheadABoundedNumber(t *testing.T) {
	const callers = 300
	for _, v := range variants {
		r, err := measure(t.Context(), server.Source, v, load{calls: callers})
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		t.Log(r.row(v.name))
		if r.peak.InFlight == 0 { // without a bulkhead
			if r.answered != callers || r.present <= conns+waitingRoom || v.name == "database/sql" && r.waited == 0 {
				t.Errorf("%s: %+v", v.name, r)
			}
			continue
		}
		if r.peak.InFlight > conns || r.peak.Waiting > waitingRoom || r.waited != 0 {
			t.Errorf("%s: peak %+v, %d waited in database/sql", v.name, r.peak, r.waited)
		}
		if r.answered < conns || r.answered+r.rejected != callers {
			t.Errorf("%s: %+v", v.name, r)
		}
	}
}

// The statements of callers who gave up are work that the database did for nobody.
func TestCallersWhoGiveUpAreCountedAsSuch(t *testing.T) {
	for _, v := range variants {
		r, err := measure(t.Context(), server.Source, v, load{calls: 300, patience: patience})
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		t.Log(r.row(v.name))
		if r.answered+r.rejected+r.gaveUp != 300 || r.peak.InFlight == 0 && r.gaveUp == 0 {
			t.Errorf("%s: %+v", v.name, r)
		}
	}
}

func TestCallersGaveUpWhoseConnectionNoticedTheDeadlineBeforeTheirContext(t *testing.T) {
	exec := func(ctx context.Context, _ string) error {
		deadline, ok := ctx.Deadline()
		for ok && time.Now().Before(deadline) { // without a pause, so that the timer of ctx is later
		}
		if ok {
			return os.ErrDeadlineExceeded
		}
		return nil // it warms up
	}
	fake := variant{"fake", func(context.Context, string) (*database, error) {
		return &database{exec: exec, close: func() {}, waited: func() int64 { return 0 }}, nil
	}}
	r, err := measure(t.Context(), "", fake, load{calls: 20, patience: time.Millisecond})
	if err != nil || r.gaveUp != 20 {
		t.Fatalf("%d of 20 gave up, %v", r.gaveUp, err)
	}
}

// The error of the driver lasts, and the callers do not give up.
func TestCallsWhoseConnectionsAreAlwaysBadEnd(t *testing.T) {
	var warm, tries atomic.Int64
	exec := func(context.Context, string) error {
		if warm.Add(1) <= conns {
			return nil
		}
		if tries.Add(1) > 1000 {
			runtime.Goexit() // so that the test ends
		}
		return driver.ErrBadConn
	}
	fake := variant{"fake", func(context.Context, string) (*database, error) {
		return &database{exec: exec, close: func() {}, waited: func() int64 { return 0 }}, nil
	}}
	if _, err := measure(t.Context(), "", fake, load{calls: 2}); !errors.Is(err, driver.ErrBadConn) || tries.Load() != 2*maxTries {
		t.Errorf("%d tries of 2 calls, %v", tries.Load(), err)
	}
}
