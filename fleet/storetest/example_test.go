package storetest_test

import (
	"context"
	"testing"

	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/storetest"
)

// server is the engine of a store. open returns a store that connects to the address.
type server struct{ address string }

func start(*testing.T) *server                     { return &server{"127.0.0.1:4000"} }
func (*server) restart(context.Context) error      { return nil }
func (*server) wipe(context.Context) error         { return nil }
func (*server) drop(context.Context, string) error { return nil }
func open(string) fleet.Store                      { return new(fleet.Memory) }

// The test of a store, with everything that its engine can do. The store under test
// reaches the engine through a link that can lose what is sent; the second one does not.
func ExampleTest() {
	// In your test file: func TestStore(t *testing.T) { … }
	_ = func(t *testing.T) {
		storetest.Test(t, func(t *testing.T) storetest.Engine {
			s := start(t)
			link := storetest.NewLink(t, s.address)
			return storetest.Engine{
				Store:   open(link.Addr()),
				Second:  open(s.address),
				Link:    link,
				Delete:  s.drop,
				Restart: s.restart,
				Wipe:    s.wipe,
			}
		})
	}
}

// A link can be used in a test of your own: here, of a replica whose requests reach the
// engine while the answers are lost.
func ExampleLink() {
	// In your test file: func TestLostAnswers(t *testing.T) { … }
	_ = func(t *testing.T) {
		s := start(t)
		link := storetest.NewLink(t, s.address)
		store := open(link.Addr())

		link.LoseAnswers() // LoseRequests and Cut are the other faults
		_, err := store.CompareAndSwap(t.Context(), "payments", []byte("{}"), 0)
		if err == nil {
			t.Error("a write without an answer succeeded")
		}
		link.Restore()
	}
}
