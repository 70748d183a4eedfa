package etcd_test

import (
	"context"
	"fmt"
	"os"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/etcd"
	"go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/namespace"
	"go.uber.org/zap"
)

// One process of the fleet in staging. Its first operation waits until the process has
// a share.
func ExampleNew() {
	ctx := context.Background()
	address, stop := startServer()
	defer stop()

	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, Logger: zap.NewNop()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.KV = namespace.NewKV(client.KV, "staging/")
	client.Watcher = namespace.NewWatcher(client.Watcher, "staging/")
	store := etcd.New(client)
	if err := fleet.Create(ctx, store, "payments"); err != nil { // once for a budget, not in each process
		fmt.Println(err)
		return
	}
	payments := bulk.Must(bulk.New("payments", 1, bulk.WaitingRoom(100)))
	member, err := fleet.Join(ctx, store, "payments", 100, payments)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = bulk.Do(ctx, payments, func(context.Context) error {
		s := member.Status()
		fmt.Println(s.State, "a share of", s.Total, "slots:", s.Share > 0)
		return nil
	})
	fmt.Println(err, member.Leave(ctx))
	// Output:
	// holding a share of 100 slots: true
	// <nil> <nil>
}

// startServer starts a server. A program connects to a cluster that runs.
func startServer() (address string, stop func()) {
	dir, err := os.MkdirTemp("", "etcd-")
	if err != nil {
		panic(err)
	}
	e := &engine{dir: dir}
	if e.client, err = freeAddr(); err == nil {
		e.peer, err = freeAddr()
	}
	if err == nil {
		err = e.run()
	}
	if err != nil {
		panic(err)
	}
	return e.client, func() {
		e.server.Close()
		os.RemoveAll(dir)
	}
}
