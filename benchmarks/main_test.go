package benchmarks

import (
	"context"
	"flag"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// rotate changes who of the peers comes first, so that over several runs no one
// always has the coolest processor, or the heap that others left behind.
var rotate = flag.Int("rotate", 0, "begin with this peer instead of the first")

// ballast is the rest of a service's heap. Without it the collector would come
// for every 4 MB of garbage, far more often than in a service, and park those
// that allocate while they wait until nobody is left in the queue.
var ballast []byte

func TestMain(m *testing.M) {
	flag.Parse()
	ballast = make([]byte, 16<<20)
	code := m.Run()
	runtime.KeepAlive(ballast)
	os.Exit(code)
}

func one(context.Context) (int, error) { return 1, nil }

// with runs f for each peer that has all of needed and that make can make.
func with(b *testing.B, needed peers.Ability, make func(peers.Spec) peers.Peer, f func(b *testing.B, p peers.Peer)) {
	for _, s := range inTurn(peers.All()) {
		if s.Has&needed != needed {
			continue
		}
		p := make(s)
		if p == nil {
			continue
		}
		end(p)
		b.Run("peer="+s.Name, func(b *testing.B) {
			p := make(s)
			defer end(p)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, p)
			b.StopTimer()
		})
	}
}

// as makes peers with one and the same setup.
func as(setup peers.Setup) func(peers.Spec) peers.Peer {
	return func(s peers.Spec) peers.Peer { return s.New(setup) }
}

// patient makes peers whose operations wait as long as it takes.
func patient(setup peers.Setup) func(peers.Spec) peers.Peer {
	return func(s peers.Spec) peers.Peer { return s.Patient(setup) }
}

func inTurn[T any](all []T) []T {
	n := *rotate % len(all)
	return slices.Concat(all[n:], all[:n])
}

// end stops what a peer has running.
func end(p peers.Peer) {
	if c, ok := p.(io.Closer); ok {
		_ = c.Close()
	}
}

// hold takes the only slot of p until the function returned is called.
func hold(p peers.Peer) (release func()) {
	held, gate, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_, _ = p.Run(context.Background(), func(context.Context) (int, error) {
			close(held)
			<-gate
			return 0, nil
		})
	}()
	<-held
	return func() {
		close(gate)
		<-over
	}
}
