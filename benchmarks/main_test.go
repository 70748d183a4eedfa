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

// rotate changes which peer is measured first, so that over several runs no peer always
// runs on the coolest processor or with the heap left by others.
var rotate = flag.Int("rotate", 0, "begin with this peer instead of the first")

// ballast stands for the rest of the heap of a service. Without it the garbage collector
// would run for every 4 MB of garbage, far more often than in a service, and park
// goroutines that allocate while they wait until the queue is empty.
var ballast []byte

func TestMain(m *testing.M) {
	flag.Parse()
	ballast = make([]byte, 16<<20)
	code := m.Run()
	runtime.KeepAlive(ballast)
	os.Exit(code)
}

func one(context.Context) (int, error) { return 1, nil }

// with runs f for each peer that has all abilities in needed and that make supports.
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

// as returns a function that makes peers with the given setup.
func as(setup peers.Setup) func(peers.Spec) peers.Peer {
	return func(s peers.Spec) peers.Peer { return s.New(setup) }
}

// patient returns a function that makes peers whose operations wait without a limit, or
// for a minute if a peer needs a limit.
func patient(setup peers.Setup) func(peers.Spec) peers.Peer {
	return func(s peers.Spec) peers.Peer { return s.Patient(setup) }
}

func inTurn[T any](all []T) []T {
	n := *rotate % len(all)
	return slices.Concat(all[n:], all[:n])
}

// end stops the goroutines of a peer, if it has any.
func end(p peers.Peer) {
	if c, ok := p.(io.Closer); ok {
		_ = c.Close()
	}
}

// hold holds the only slot of p until release is called.
func hold(p peers.Peer) (release func()) {
	held, finish, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		_, _ = p.Run(context.Background(), func(context.Context) (int, error) {
			close(held)
			<-finish
			return 0, nil
		})
	}()
	<-held
	return func() {
		close(finish)
		<-over
	}
}
