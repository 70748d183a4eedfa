package bulk_test

import (
	"errors"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/internal/seam"
)

// What package registry is told: each slot that is released, once, after the
// events of its release; and nothing of Run.
func TestOnRelease(t *testing.T) {
	var told []string
	b := mustNew(t, 1,
		func(c *bulk.Config) error {
			seam.OnRelease(c, func() { told = append(told, "told") })
			return nil
		},
		bulk.OnEvent(func(e bulk.Event) { told = append(told, e.Kind.String()) }))
	s, _ := b.TryAcquire()
	s.Release()
	s.Release()
	if _, err := bulk.Run(t.Context(), b, one); err != nil {
		t.Fatal(err)
	}
	b.Close()
	want := []string{"admitted", "released", "told", "admitted", "released", "closed", "drained"}
	if len(told) != len(want) {
		t.Fatalf("told %v, want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Fatalf("told %v, want %v", told, want)
		}
	}
}

func TestSetPart(t *testing.T) {
	b := mustNew(t, 1, bulk.WaitingRoom(2), bulk.WaitLimit(3))
	n, room, limit, bad := 4, 5, time.Duration(6), 0
	for _, c := range []struct {
		part seam.Part
		want bulk.Capacity
		err  error
	}{
		{seam.Part{}, bulk.Capacity{Parallelism: 1, WaitingRoom: 2, WaitLimit: 3}, nil},
		{seam.Part{Parallelism: &n}, bulk.Capacity{Parallelism: 4, WaitingRoom: 2, WaitLimit: 3}, nil},
		{seam.Part{WaitingRoom: &room}, bulk.Capacity{Parallelism: 4, WaitingRoom: 5, WaitLimit: 3}, nil},
		{seam.Part{WaitLimit: &limit}, bulk.Capacity{Parallelism: 4, WaitingRoom: 5, WaitLimit: 6}, nil},
		{seam.Part{Parallelism: &bad, WaitLimit: &limit}, bulk.Capacity{Parallelism: 4, WaitingRoom: 5, WaitLimit: 6}, bulk.ErrConfig},
	} {
		if err := seam.SetPart(b, c.part); !errors.Is(err, c.err) {
			t.Errorf("got %v, want %v", err, c.err)
		}
		if got := b.Capacity(); got != c.want {
			t.Errorf("capacity %+v, want %+v", got, c.want)
		}
	}
}
