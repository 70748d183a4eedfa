package main

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// load is a number of calls, one at each interval. A caller gives up after patience; 0 is
// never.
type load struct {
	calls    int
	interval time.Duration
	patience time.Duration
}

// result is what happened to the callers.
type result struct {
	answered, rejected, gaveUp int
	latencies                  []time.Duration // of the answered calls, sorted
	present                    int             // the most callers in the database or waiting for it
	after                      time.Duration   // from the last arrival until the last caller had left
	waited                     int64           // callers who waited in database/sql
	peak                       bulk.Peak       // of the bulkhead
}

// maxTries is how often a caller tries to get a connection that is not closed. Each try
// removes closed connections from the pool, so a few are enough while the database runs.
const maxTries = 100

const header = `| | answered | gave up | rejected | latency of answers: p50 | p99 | most callers present | last caller left after |
|---|--:|--:|--:|--:|--:|--:|--:|
`

func (r *result) row(name string) string {
	return fmt.Sprintf("| %s | %d | %d | %d | %d ms | %d ms | %d | %d ms |", name, r.answered, r.gaveUp, r.rejected,
		r.quantile(0.5).Milliseconds(), r.quantile(0.99).Milliseconds(), r.present, r.after.Milliseconds())
}

func (r *result) quantile(q float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[int(q*float64(len(r.latencies)-1))]
}

// measure sends the load to a database that does its work by sleeping, so that the
// figures depend little on the machine.
func measure(ctx context.Context, source string, v variant, l load) (*result, error) {
	db, err := v.open(ctx, source)
	if err != nil {
		return nil, err
	}
	defer db.close()
	query := fmt.Sprintf("SELECT pg_sleep(%g)", work.Seconds())
	if err := warmUp(ctx, db); err != nil {
		return nil, err
	}
	r := &result{}
	var (
		mu      sync.Mutex
		failed  error
		present int
		callers sync.WaitGroup
	)
	start := time.Now()
	for i := range l.calls {
		time.Sleep(time.Until(start.Add(time.Duration(i) * l.interval)))
		callers.Go(func() {
			mu.Lock()
			present++
			r.present = max(r.present, present)
			mu.Unlock()
			ctx, cancel := ctx, context.CancelFunc(func() {})
			if l.patience > 0 {
				ctx, cancel = context.WithTimeout(ctx, l.patience)
			}
			defer cancel()
			arrived := time.Now()
			err := db.exec(ctx, query)
			// database/sql gives up after it found three connections in a row that canceled
			// callers had closed. The statement did not run then.
			for tries := 1; errors.Is(err, driver.ErrBadConn) && !hasLeft(ctx) && tries < maxTries; tries++ {
				err = db.exec(ctx, query)
			}
			took := time.Since(arrived)

			mu.Lock()
			defer mu.Unlock()
			present--
			switch {
			case err == nil:
				r.answered++
				r.latencies = append(r.latencies, took)
			case errors.Is(err, bulk.ErrOverload):
				r.rejected++
			case hasLeft(ctx):
				r.gaveUp++
			default:
				failed = err
			}
		})
	}
	last := time.Now()
	callers.Wait()
	r.after = time.Since(last)
	slices.Sort(r.latencies)
	r.waited = db.waited()
	if db.bulkhead != nil {
		r.peak = db.bulkhead.Status().Peak
	}
	return r, failed
}

// hasLeft reports whether the caller of ctx has given up. The deadline is checked too,
// because a connection that got its deadline from ctx can fail a moment before ctx is done.
func hasLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// warmUp opens all connections.
func warmUp(ctx context.Context, db *database) error {
	errs := make(chan error, conns)
	for range conns {
		go func() { errs <- db.exec(ctx, "SELECT pg_sleep(0.05)") }()
	}
	var err error
	for range conns {
		err = errors.Join(err, <-errs)
	}
	return err
}
