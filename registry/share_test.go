package registry_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bulklink/bulklink-go/bulk"
)

// The code between the two marks stands in docs/capacity.md as well. A test
// compares them.

type Membership struct{ Replicas, Index int }

// begin

// share returns the part of a budget that belongs to one replica. The replicas
// are numbered from 0. All shares together are exactly the budget, so with more
// replicas than budget some of them get 0.
func share(budget, replicas, index int) int {
	if index < 0 || index >= replicas {
		return 0 // not a member
	}
	n := budget / replicas
	if index < budget%replicas {
		n++
	}
	return n
}

// follow resizes b whenever the number of replicas changes. A share of 0 pauses
// b: operations wait in its waiting room, or are rejected.
func follow(ctx context.Context, b *bulk.Bulkhead, budget int, members <-chan Membership) {
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-members:
			if !ok {
				return // no more news: the last share stays
			}
			if err := b.Resize(share(budget, m.Replicas, m.Index)); err != nil {
				slog.Warn("capacity not changed", "bulkhead", b.Label(), "error", err)
			}
		}
	}
}

// end

func TestShareAndFollowStandInThePage(t *testing.T) {
	source, err := os.ReadFile("share_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// begin\n\n")
	code, _, _ = strings.Cut(code, "\n// end\n")
	if !strings.Contains(string(page), "```go\n"+code+"```\n") {
		t.Error("docs/capacity.md has other code")
	}
}

func TestSharesSumToTheBudgetAndDifferByAtMostOne(t *testing.T) {
	for budget := range 30 {
		for replicas := 1; replicas < 40; replicas++ {
			sum, least, most := 0, budget, 0
			for index := range replicas {
				n := share(budget, replicas, index)
				sum, least, most = sum+n, min(least, n), max(most, n)
			}
			if sum != budget || least < 0 || most-least > 1 {
				t.Errorf("a budget of %d for %d replicas: %d in all, from %d to %d", budget, replicas, sum, least, most)
			}
		}
	}
	for _, m := range []Membership{{0, 0}, {3, 3}, {3, -1}, {-1, 0}} {
		if n := share(10, m.Replicas, m.Index); n != 0 {
			t.Errorf("%+v gets %d, but is no member", m, n)
		}
	}
}

func TestAReplicaWithoutAShareIsPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(1)))
		members := make(chan Membership)
		go follow(t.Context(), b, 4, members)
		for _, c := range []struct {
			news Membership
			want int // 0: paused
		}{{Membership{1, 0}, 4}, {Membership{3, 2}, 1}, {Membership{5, 4}, 0}, {Membership{2, 1}, 2}} {
			members <- c.news
			synctest.Wait()
			if s := b.Status(); s.Capacity.Parallelism != c.want || s.Paused() != (c.want == 0) {
				t.Errorf("%+v: parallelism %d, want %d", c.news, s.Capacity.Parallelism, c.want)
			}
		}
	})
}
