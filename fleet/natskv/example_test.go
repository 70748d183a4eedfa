package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/natskv"
	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// One process of a fleet. Its first operation waits until the process has a share.
func Example() {
	ctx := context.Background()
	js, stop := connectToServer()
	defer stop()

	store, err := natskv.Open(ctx, js, jetstream.KeyValueConfig{Bucket: "fleet"})
	if err != nil {
		fmt.Println(err)
		return
	}
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

// A bucket that was created by other means uses its revisions again when it is created
// again.
func ExampleNew() {
	ctx := context.Background()
	js, stop := connectToServer()
	defer stop()
	if _, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "fleet"}); err != nil {
		fmt.Println(err)
		return
	}
	_, err := natskv.New(ctx, js, "fleet")
	fmt.Println(errors.Is(err, bulk.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// bulk: bucket "fleet": must have a first_seq of at least 2^50, so that no revision is used twice; delete it and let natskv.Open create it
}

// connectToServer starts a server. A program connects to one that runs.
func connectToServer() (jetstream.JetStream, func()) {
	dir, err := os.MkdirTemp("", "natskv-")
	if err != nil {
		panic(err)
	}
	s, err := embedded.Start(dir, embedded.Listen("127.0.0.1:0"), embedded.Configure(func(o *server.Options) {
		o.Username, o.Password = "fleet", "secret"
	}))
	if err != nil {
		panic(err)
	}
	conn, err := nats.Connect(s.URL(), nats.UserInfo("fleet", "secret"))
	if err != nil {
		panic(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		panic(err)
	}
	return js, func() {
		conn.Close()
		s.Close()
		os.RemoveAll(dir)
	}
}
