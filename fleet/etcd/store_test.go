package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/etcd"
	"github.com/bulklink/bulklink-go/fleet/storetest"
	"go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// engine is a cluster of one server that a test can restart at the same address.
type engine struct {
	dir          string
	client, peer string // addresses
	server       *embed.Etcd
}

func start(t testing.TB) *engine {
	t.Helper()
	e := &engine{dir: filepath.Join(t.TempDir(), "etcd")}
	var err error
	if e.client, err = freeAddr(); err == nil {
		e.peer, err = freeAddr()
	}
	if err == nil {
		err = e.run()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.server.Close() })
	return e
}

// freeAddr returns a free address of loopback.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (e *engine) run() error {
	c := embed.NewConfig()
	c.Dir, c.Name = e.dir, "one"
	client, peer := url.URL{Scheme: "http", Host: e.client}, url.URL{Scheme: "http", Host: e.peer}
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.UnsafeNoFsync = true // no power failure here
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	server, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	select {
	case <-server.Server.ReadyNotify():
		e.server = server
		return nil
	case <-time.After(time.Minute):
		server.Close()
		return errors.New("the server is not ready after a minute")
	}
}

func (e *engine) restart(context.Context) error {
	e.server.Close()
	return e.run()
}

func (e *engine) wipe(context.Context) error {
	e.server.Close()
	if err := os.RemoveAll(e.dir); err != nil {
		return err
	}
	return e.run()
}

func connect(t testing.TB, address string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 10 * time.Second, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func TestStore(t *testing.T) {
	server := start(t)
	storetest.Test(t, func(t *testing.T) storetest.Engine {
		link := storetest.NewLink(t, server.client)
		client := connect(t, server.client)
		// A server that stops gracefully waits several seconds for open watches.
		without := func(stopAndStart func(context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				link.Cut()
				defer link.Restore()
				return stopAndStart(ctx)
			}
		}
		return storetest.Engine{
			Store:   etcd.New(connect(t, link.Addr())),
			Second:  etcd.New(client),
			Link:    link,
			Restart: without(server.restart),
			Wipe:    without(server.wipe),
			Delete: func(ctx context.Context, budget string) error {
				_, err := client.Delete(ctx, fmt.Sprintf("bulklink/fleet/%s/", budget), clientv3.WithPrefix())
				return err
			},
		}
	})
}

// An operator may delete one of the two keys.
func TestHalfOfARecordIsNone(t *testing.T) {
	client := connect(t, start(t).client)
	s := etcd.New(client)
	for _, key := range []string{"record", "revision"} {
		before, err := s.CompareAndSwap(t.Context(), key, []byte("before"), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Delete(t.Context(), "bulklink/fleet/"+key+"/"+key); err != nil {
			t.Fatal(err)
		}
		if record, revision, err := s.Load(t.Context(), key); record != nil || revision != 0 || err != nil {
			t.Errorf("without the key %s, Load: %s, %d, %v", key, record, revision, err)
		}
		if _, err := s.CompareAndSwap(t.Context(), key, []byte("after"), before); !errors.Is(err, fleet.ErrConflict) {
			t.Errorf("without the key %s, CompareAndSwap at the old revision: %v", key, err)
		}
		after, err := s.CompareAndSwap(t.Context(), key, []byte("after"), 0)
		if err != nil {
			t.Errorf("without the key %s, CompareAndSwap: %v", key, err)
		}
		if record, revision, err := s.Load(t.Context(), key); string(record) != "after" || revision != after || err != nil {
			t.Errorf("Load: %s, %d, %v", record, revision, err)
		}
	}
}

// A revision that is not a number is reported, and ends a watch.
func TestUnknownRevisionIsAnError(t *testing.T) {
	client := connect(t, start(t).client)
	s := etcd.New(client)
	for _, value := range []string{"", "0", "x", "-1", "18446744073709551616"} {
		if _, err := client.Put(t.Context(), "bulklink/fleet/payments/revision", value); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Load(t.Context(), "payments"); err == nil {
			t.Errorf("revision %q: no error", value)
		}
		for range s.Watch(t.Context(), "payments") {
			t.Errorf("revision %q: an update", value)
		}
	}
}

func TestNamespacesHaveTheirOwnRecords(t *testing.T) {
	server := start(t)
	in := func(space string) fleet.Store {
		client := connect(t, server.client)
		client.KV = namespace.NewKV(client.KV, space)
		client.Watcher = namespace.NewWatcher(client.Watcher, space)
		return etcd.New(client)
	}
	staging, production := in("staging/"), in("production/")
	revision, err := staging.CompareAndSwap(t.Context(), "payments", []byte("staging"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, revision, err := production.Load(t.Context(), "payments"); revision != 0 || err != nil {
		t.Error(revision, err)
	}
	for u := range staging.Watch(t.Context(), "payments") {
		if u.Revision != revision || string(u.Record) != "staging" {
			t.Error(u)
		}
		break
	}
}
