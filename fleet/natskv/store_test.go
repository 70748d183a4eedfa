package natskv_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/natskv"
	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
	"github.com/bulklink/bulklink-go/fleet/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// engine is a server that a test can restart at the same address.
type engine struct {
	t      testing.TB
	server *embedded.Server
	dir    string
}

func start(t testing.TB) *engine {
	t.Helper()
	e := &engine{t: t, dir: filepath.Join(t.TempDir(), "nats")}
	e.run("127.0.0.1:0")
	t.Cleanup(func() { e.server.Close() })
	return e
}

func (e *engine) run(address string) {
	e.t.Helper()
	server, err := embedded.Start(e.dir, embedded.Listen(address))
	if err != nil {
		e.t.Fatal(err)
	}
	e.server = server
}

func (e *engine) addr() string {
	u, err := url.Parse(e.server.URL())
	if err != nil {
		e.t.Fatal(err)
	}
	return u.Host
}

func (e *engine) restart(context.Context) error {
	address := e.addr()
	e.server.Close()
	e.run(address)
	return nil
}

func (e *engine) wipe(context.Context) error {
	address := e.addr()
	e.server.Close()
	if err := os.RemoveAll(e.dir); err != nil {
		return err
	}
	e.run(address)
	return nil
}

func connect(t testing.TB, address string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect("nats://"+address, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0), nats.IgnoreDiscoveredServers())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func open(t testing.TB, js jetstream.JetStream, c jetstream.KeyValueConfig) *natskv.Store {
	t.Helper()
	s, err := natskv.Open(t.Context(), js, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	for name, storage := range map[string]jetstream.StorageType{"file": jetstream.FileStorage, "memory": jetstream.MemoryStorage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			c := jetstream.KeyValueConfig{Bucket: "fleet", Storage: storage}
			storetest.Test(t, func(t *testing.T) storetest.Engine {
				link := storetest.NewLink(t, server.addr())
				js := connect(t, server.addr())
				e := storetest.Engine{
					Store:   open(t, connect(t, link.Addr()), c),
					Second:  open(t, js, c),
					Link:    link,
					Restart: server.restart,
					Wipe:    server.wipe,
					Delete: func(ctx context.Context, budget string) error {
						kv, err := js.KeyValue(ctx, "fleet")
						if err != nil {
							return err
						}
						return kv.Delete(ctx, budget) // the names of these budgets need no encoding
					},
				}
				if storage == jetstream.MemoryStorage {
					e.Restart = nil
				}
				return e
			})
		})
	}
}

// The first write to a bucket that was deleted is lost, and the next Load creates it.
func TestDeletedBucketIsCreatedAgain(t *testing.T) {
	js := connect(t, start(t).addr())
	s := open(t, js, jetstream.KeyValueConfig{Bucket: "fleet"})
	before, err := s.CompareAndSwap(t.Context(), "payments", []byte("before"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), "fleet"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompareAndSwap(t.Context(), "payments", []byte("after"), 0); err == nil || errors.Is(err, fleet.ErrConflict) {
		t.Errorf("CompareAndSwap without a bucket: %v", err)
	}
	if record, revision, err := s.Load(t.Context(), "payments"); record != nil || revision != 0 || err != nil {
		t.Errorf("Load: %s, %d, %v", record, revision, err)
	}
	after, err := s.CompareAndSwap(t.Context(), "payments", []byte("after"), 0)
	if err != nil || after <= before {
		t.Errorf("revision %d after %d: %v", after, before, err)
	}
}

// A store of a bucket that somebody else manages fails until the bucket exists again,
// and accepts no bucket that counts from 1.
func TestStoreOfAnExistingBucketDoesNotCreateIt(t *testing.T) {
	js := connect(t, start(t).addr())
	open(t, js, jetstream.KeyValueConfig{Bucket: "fleet"})
	s, err := natskv.New(t.Context(), js, "fleet")
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), "fleet"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Load(t.Context(), "payments"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("Load without a bucket: %v", err)
	}
	for range s.Watch(t.Context(), "payments") {
		t.Error("an update without a bucket")
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "fleet"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CompareAndSwap(t.Context(), "payments", []byte("x"), 0); !isConfig(err, "first_seq") {
		t.Errorf("CompareAndSwap: %v", err)
	}
	if _, _, err := s.Load(t.Context(), "payments"); !isConfig(err, "first_seq") {
		t.Errorf("Load: %v", err)
	}
}

func TestUnsuitableBucketIsRejected(t *testing.T) {
	js := connect(t, start(t).addr())
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "plain"}); err != nil {
		t.Fatal(err)
	}
	direct := jetstream.StreamConfig{Name: "KV_direct", Subjects: []string{"$KV.direct.>"}, MaxMsgsPerSubject: 1, AllowDirect: true, FirstSeq: 1 << 51}
	if _, err := js.CreateStream(t.Context(), direct); err != nil {
		t.Fatal(err)
	}
	for bucket, problem := range map[string]string{"plain": "first_seq", "direct": "allow_direct"} {
		if _, err := natskv.Open(t.Context(), js, jetstream.KeyValueConfig{Bucket: bucket}); !isConfig(err, problem) {
			t.Errorf("Open of %s: %v", bucket, err)
		}
	}
	for _, c := range []jetstream.KeyValueConfig{
		{Bucket: "copy", Mirror: &jetstream.StreamSource{Name: "plain"}},
		{Bucket: "copy", Sources: []*jetstream.StreamSource{{Name: "plain"}}},
		{Bucket: "copy", RePublish: &jetstream.RePublish{Destination: "elsewhere"}},
	} {
		if _, err := natskv.Open(t.Context(), js, c); !isConfig(err, "Mirror") {
			t.Errorf("Open of %+v: %v", c, err)
		}
	}
	if _, err := natskv.Open(t.Context(), js, jetstream.KeyValueConfig{Bucket: "a.b"}); !errors.Is(err, jetstream.ErrInvalidBucketName) {
		t.Error(err)
	}
	if _, err := natskv.Open(t.Context(), js, jetstream.KeyValueConfig{Bucket: "three", Replicas: 3}); err == nil {
		t.Error("a single server has three replicas")
	}
}

// The fields of the configuration reach the stream.
func TestBucketHasItsConfiguration(t *testing.T) {
	js := connect(t, start(t).addr())
	want := jetstream.KeyValueConfig{
		Bucket: "fleet", Description: "budgets", MaxValueSize: 1 << 16, History: 5, TTL: time.Hour, MaxBytes: 1 << 20,
		Storage: jetstream.MemoryStorage, Replicas: 1, Compression: true, LimitMarkerTTL: time.Minute, Metadata: map[string]string{"owner": "payments"},
	}
	open(t, js, want)
	kv, err := js.KeyValue(t.Context(), "fleet")
	if err != nil {
		t.Fatal(err)
	}
	status, err := kv.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := status.Config()
	if got.Metadata["owner"] != "payments" {
		t.Error(got.Metadata)
	}
	got.Metadata = want.Metadata // the server adds its own
	if got.Description != want.Description || got.MaxValueSize != want.MaxValueSize || got.History != want.History || got.TTL != want.TTL ||
		got.MaxBytes != want.MaxBytes || got.Storage != want.Storage || got.Compression != want.Compression || got.LimitMarkerTTL != want.LimitMarkerTTL {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The watch of a client whose connection is closed ends.
func TestWatchEndsWithItsConnection(t *testing.T) {
	server := start(t)
	conn, err := nats.Connect(server.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, js, jetstream.KeyValueConfig{Bucket: "fleet"})
	if _, err := s.CompareAndSwap(t.Context(), "payments", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	for range s.Watch(t.Context(), "payments") {
		conn.Close()
	}
}

func isConfig(err error, problem string) bool {
	var c *bulk.ConfigError
	return errors.As(err, &c) && strings.Contains(c.Problem, problem)
}

func TestEmbeddedServerRejectsWhatItCannotDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:-1", "127.0.0.1:http", "127.0.0.1:65536"} {
		if _, err := embedded.Start(t.TempDir(), embedded.Listen(address)); !isConfig(err, "host:port") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := embedded.Start(""); !isConfig(err, "folder") {
		t.Error(err)
	}
	if _, err := embedded.Start(t.TempDir(), embedded.Configure(nil)); !isConfig(err, "nil") {
		t.Error(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
