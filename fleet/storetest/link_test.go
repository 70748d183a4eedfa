package storetest

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/rpc"
	"sync"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
)

// Service is an engine that a client reaches by TCP.
type Service struct{ memory fleet.Memory }

type Request struct {
	Budget   string
	Record   []byte
	Revision uint64
	Blind    bool // write at whatever revision the record has
}

type Answer struct {
	Record   []byte
	Revision uint64
	Conflict bool
}

func (s *Service) Load(r Request, a *Answer) (err error) {
	a.Record, a.Revision, err = s.memory.Load(context.Background(), r.Budget)
	return err
}

func (s *Service) Swap(r Request, a *Answer) (err error) {
	if r.Blind {
		_, r.Revision, _ = s.memory.Load(context.Background(), r.Budget)
	}
	a.Revision, err = s.memory.CompareAndSwap(context.Background(), r.Budget, r.Record, r.Revision)
	if a.Conflict = errors.Is(err, fleet.ErrConflict); a.Conflict {
		return nil
	}
	return err
}

// listen serves until stop.
func (s *Service) listen(t *testing.T, address string) (addr string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer()
	if err := server.Register(s); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			go server.ServeConn(conn)
		}
	}()
	return listener.Addr().String(), func() {
		listener.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	}
}

// remote is a store in a Service. A test sets one of its faults.
type remote struct {
	addr string
	mu   sync.Mutex
	conn *rpc.Client

	repeats   bool // a write without an answer is sent again
	conflicts bool // a write without an answer is a conflict
	keeps     bool // a write without a connection is made later, without a check
	hangs     bool // a call waits for a connection, whatever its context says
	deaf      bool // a watch that has lost its connection waits
	forgets   bool // a watch that is connected again begins with the next change
}

func (s *remote) call(ctx context.Context, method string, r Request) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	s.mu.Lock()
	if s.conn == nil {
		conn, err := rpc.Dial("tcp", s.addr)
		if err != nil {
			s.mu.Unlock()
			return Answer{}, err
		}
		s.conn = conn
	}
	conn := s.conn
	s.mu.Unlock()
	var a Answer
	pending := conn.Go(method, r, &a, make(chan *rpc.Call, 1))
	select {
	case <-pending.Done:
		if pending.Error != nil {
			s.mu.Lock()
			s.conn = nil
			s.mu.Unlock()
			return Answer{}, pending.Error
		}
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// patiently makes a call, and makes it again if a fault says so.
func (s *remote) patiently(ctx context.Context, method string, r Request) (a Answer, err error) {
	if s.hangs {
		ctx = context.WithoutCancel(ctx)
	}
	for {
		a, err = s.call(ctx, method, r)
		again := s.hangs || s.repeats && method == "Service.Swap"
		if err == nil || ctx.Err() != nil || !again {
			return a, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *remote) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	a, err := s.patiently(ctx, "Service.Load", Request{Budget: budget})
	if a.Revision != 0 && a.Record == nil {
		a.Record = []byte{}
	}
	return a.Record, a.Revision, err
}

func (s *remote) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	r := Request{Budget: budget, Record: record, Revision: revision}
	a, err := s.patiently(ctx, "Service.Swap", r)
	if err != nil && s.keeps && ctx.Err() == nil {
		go func() {
			r.Blind = true
			for range 100 {
				if _, err := s.call(context.Background(), "Service.Swap", r); err == nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	if a.Conflict || err != nil && s.conflicts {
		return 0, fleet.ErrConflict
	}
	return a.Revision, err
}

func (s *remote) Watch(ctx context.Context, budget string) iter.Seq[fleet.Update] {
	return func(yield func(fleet.Update) bool) {
		var seen uint64
		lost := false
		for ctx.Err() == nil {
			record, revision, err := s.Load(ctx, budget)
			switch {
			case err != nil && s.deaf:
				<-ctx.Done()
				return
			case err != nil && s.forgets:
				lost = true
			case err != nil:
				return
			case lost:
				lost, seen = false, revision
			case revision != seen:
				seen = revision
				if !yield(fleet.Update{Record: record, Revision: revision}) {
					return
				}
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// distant returns an engine whose store has the faults that plant sets.
func distant(t *testing.T, plant func(*remote)) Engine {
	service := new(Service)
	addr, stop := service.listen(t, "127.0.0.1:0")
	t.Cleanup(func() { stop() })
	link := NewLink(t, addr)
	s := &remote{addr: link.Addr()}
	plant(s)
	return Engine{
		Store:  s,
		Second: &remote{addr: addr},
		Link:   link,
		Delete: deleteFrom(&service.memory),
		Restart: func(context.Context) error {
			stop()
			_, stop = service.listen(t, addr)
			return nil
		},
	}
}

func TestStoreBehindALink(t *testing.T) {
	Test(t, func(t *testing.T) Engine { return distant(t, func(*remote) {}) })
}

func TestEachFaultOfAClientIsFound(t *testing.T) {
	defer func(p time.Duration) { patience = p }(patience)
	patience = time.Second
	for _, f := range []struct {
		fault    string
		property string // that must not hold
		plant    func(*remote)
	}{
		{"a write without an answer is sent again", "LostAnswerIsNoConflict", func(s *remote) { s.repeats = true }},
		{"a write without an answer is a conflict", "LostAnswerIsNoConflict", func(s *remote) { s.conflicts = true }},
		{"a write without an answer is a conflict", "LostRequestIsNoConflict", func(s *remote) { s.conflicts = true }},
		{"a write is kept and made without a check", "LateWriteReplacesNothing", func(s *remote) { s.keeps = true }},
		{"a call waits for a connection", "CallsEndWithTheirContextWhenTheEngineIsAway", func(s *remote) { s.hangs = true }},
		{"a watch does not notice that its connection is lost", "WatchContinuesOrEndsAfterAPartition", func(s *remote) { s.deaf = true }},
		{"a watch does not notice that its connection is lost", "WatchContinuesOrEndsAfterARestart", func(s *remote) { s.deaf = true }},
		{"a watch misses what was written during a partition", "WatchContinuesOrEndsAfterAPartition", func(s *remote) { s.forgets = true }},
	} {
		t.Run(f.fault+"/"+f.property, func(t *testing.T) {
			e := distant(t, f.plant)
			err := propertyNamed(t, f.property).check(t.Context(), e)
			if err == nil {
				t.Fatal("was not found")
			}
			t.Log(err)
			e.Link.Restore()
		})
	}
}
