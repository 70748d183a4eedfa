package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/natskv"
	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
	"github.com/bulklink/bulklink-go/fleet/storetest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// startCluster starts three servers, and returns the hosts of their URLs.
func startCluster(t *testing.T) (servers [3]*embedded.Server, hosts [3]string) {
	t.Helper()
	var routes []*url.URL
	var ports [3]int
	for i := range ports {
		ports[i] = freePort(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[i])})
	}
	dir := t.TempDir()
	for i := range servers {
		s, err := embedded.Start(filepath.Join(dir, fmt.Sprint(i)), embedded.Configure(func(o *server.Options) {
			o.ServerName = fmt.Sprint("server-", i)
			o.Cluster = server.ClusterOpts{Name: "cluster", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
			o.SyncAlways = false // no power failure here
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		u, err := url.Parse(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		servers[i], hosts[i] = s, u.Host
	}
	return servers, hosts
}

// openSoon opens the bucket when the cluster has a leader.
func openSoon(t *testing.T, js jetstream.JetStream, c jetstream.KeyValueConfig) *natskv.Store {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		s, err := natskv.Open(ctx, js, c)
		cancel()
		if err == nil {
			return s
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestStoreWithThreeReplicas(t *testing.T) {
	t.Parallel()
	servers, hosts := startCluster(t)
	c := jetstream.KeyValueConfig{Bucket: "fleet", Replicas: 3}
	storetest.Test(t, func(t *testing.T) storetest.Engine {
		link := storetest.NewLink(t, hosts[0])
		js := connect(t, hosts[1])
		return storetest.Engine{
			Store:  openSoon(t, connect(t, link.Addr()), c),
			Second: openSoon(t, js, c),
			Link:   link,
			Delete: func(ctx context.Context, budget string) error {
				kv, err := js.KeyValue(ctx, "fleet")
				if err != nil {
					return err
				}
				return kv.Delete(ctx, budget)
			},
		}
	})
	t.Run("AcknowledgedWriteSurvivesTheLossOfTheLeader", func(t *testing.T) {
		clients := make(map[string]*natskv.Store)
		for i, host := range hosts {
			clients[fmt.Sprint("server-", i)] = openSoon(t, connect(t, host), c)
		}
		js := connect(t, hosts[0])
		stream, err := js.Stream(t.Context(), "KV_fleet")
		if err != nil {
			t.Fatal(err)
		}
		leader := stream.CachedInfo().Cluster.Leader
		revision, err := clients[leader].CompareAndSwap(t.Context(), "payments", []byte("before"), 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range servers {
			if fmt.Sprint("server-", i) == leader {
				s.Close()
				delete(clients, leader)
			}
		}
		for _, s := range clients {
			record, at := loadSoon(t, s, "payments")
			if string(record) != "before" || at < revision {
				t.Fatalf("%s at %d, want before at %d", record, at, revision)
			}
			if _, err := s.CompareAndSwap(t.Context(), "payments", record, at+1); !errors.Is(err, fleet.ErrConflict) {
				t.Error(err)
			}
			if _, err := s.CompareAndSwap(t.Context(), "payments", record, at); err != nil {
				t.Error(err)
			}
		}
	})
}

// loadSoon loads a record when the cluster has a leader.
func loadSoon(t *testing.T, s fleet.Store, budget string) ([]byte, uint64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		record, revision, err := s.Load(ctx, budget)
		cancel()
		if err == nil {
			return record, revision
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
