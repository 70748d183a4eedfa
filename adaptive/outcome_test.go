package adaptive

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

type overloaded bool

func (overloaded) Error() string      { return "overloaded" }
func (o overloaded) Overloaded() bool { return bool(o) }

// Misread statuses are a complaint about other limiters: see complaints_test.go.
func TestOnlyTimeoutsAndErrorsThatSaySoAreOverload(t *testing.T) {
	timeout := func() error {
		_, err := deadline.Timeout(time.Nanosecond, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) })(t.Context())
		return err
	}()
	other := bulk.Must(bulk.New("other", 1))
	_ = other.Close()
	_, rejected := bulk.Run(t.Context(), other, func(context.Context) (int, error) { return 0, nil })
	full := bulk.Must(bulk.New("full", 1))
	full.TryAcquire()
	_, saturated := full.Acquire(t.Context())
	conn, _ := net.Pipe()
	if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	_, socket := conn.Read(make([]byte, 1))
	for _, c := range []struct {
		err  error
		want Outcome
	}{
		{nil, Success},
		{context.DeadlineExceeded, Overload},
		{timeout, Overload},
		{socket, Overload},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, Overload},
		{overloaded(true), Overload},
		{fmt.Errorf("call: %w", overloaded(true)), Overload},
		{overloaded(false), Ignore},
		{context.Canceled, Ignore},
		{errors.New("400"), Ignore},
		{rejected, Ignore},
		{saturated, Ignore},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// A quantile is off by at most a sixteenth, whatever the latencies are.
func TestQuantilesAreExactToASixteenth(t *testing.T) {
	for _, unit := range []time.Duration{1, 1000, time.Millisecond, time.Hour, 1 << 52} {
		var h histogram
		for i := range 1000 {
			h.add(time.Duration(i) * unit)
		}
		for _, q := range []float64{0.5, 0.85, 0.9, 0.95} {
			want := q * 1000 * float64(unit)
			if got := h.quantile(q); got < want*15/16-float64(unit) || got > want*17/16+float64(unit) {
				t.Errorf("unit %v: quantile %v is %v, want %v", unit, q, got, want)
			}
		}
	}
	if got := new(histogram).quantile(0.9); got != 0 {
		t.Errorf("empty: %v", got)
	}
	last := -1
	for shift := range 63 {
		for _, d := range []time.Duration{1<<shift - 1, 1 << shift, 1<<shift + 1} {
			if i := bucketOf(d); i < last-1 || i >= buckets || bucketFrom(i) > float64(d) {
				t.Errorf("%d is in bucket %d from %v", d, i, bucketFrom(i))
			} else {
				last = i
			}
		}
	}
}
