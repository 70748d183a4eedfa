package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func TestEachAnswerCountsAsExactlyOneOutcome(t *testing.T) {
	full := bulk.Must(bulk.New("full", 1, bulk.WaitingRoom(1)))
	slot, err := full.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	reject := func(ctx context.Context, limits ...deadline.Limit) error {
		_, err := full.Acquire(ctx, limits...)
		return err
	}
	expired, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	closed := bulk.Must(bulk.New("closed", 1))
	_ = closed.Close()
	_, errClosed := closed.Acquire(t.Context())

	for _, tt := range []struct {
		why  string
		err  error
		want tally
	}{
		{"a success", nil, tally{succeeded: 1}},
		{"no wait allowed", reject(t.Context(), deadline.NoWait()), tally{saturated: 1}},
		{"the wait limit passed", reject(t.Context(), deadline.Within(1)), tally{expired: 1}},
		{"too late at arrival", reject(t.Context(), deadline.Before(time.Time{})), tally{expired: 1}},
		{"matches DeadlineExceeded, but never started", reject(expired), tally{canceled: 1}},
		{"the same, wrapped", fmt.Errorf("call: %w", reject(expired)), tally{canceled: 1}},
		{"started, then the deadline passed", fmt.Errorf("call: %w", context.DeadlineExceeded), tally{timedOut: 1}},
		{"another failure", errors.New("connection reset"), tally{failed: 1}},
		{"closed: not possible while the program runs, so a failure", errClosed, tally{failed: 1}},
	} {
		var got tally
		got.record(tt.err, time.Second)
		got.latencies = nil
		if fmt.Sprint(got) != fmt.Sprint(tt.want) || got.ended() != 1 {
			t.Errorf("%s: %v: %+v, want %+v", tt.why, tt.err, got, tt.want)
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, tt := range []struct {
		why  string
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{"no latencies", nil, 0.5, 0},
		{"one latency", []time.Duration{7}, 0.99, 7},
		{"the lower of two", []time.Duration{9, 1}, 0.5, 1},
		{"half of a hundred", hundred, 0.5, 50},
		{"99 of a hundred", hundred, 0.99, 99},
		{"all", hundred, 1, 100},
		{"none", hundred, 0, 1},
	} {
		got, ok := tally{latencies: tt.of}.percentile(tt.q)
		if got != tt.want || ok != (len(tt.of) > 0) {
			t.Errorf("%s: %v, %v, want %v", tt.why, got, ok, tt.want)
		}
	}
	if hundred[0] != 100 {
		t.Error("percentile changed the order of the latencies")
	}
}
