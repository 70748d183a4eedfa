package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/fleet"
	"github.com/bulklink/bulklink-go/fleet/etcd"
	"github.com/bulklink/bulklink-go/fleet/natskv"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// openStore connects to the store at a URL: nats://host:port or http://host:port, which
// is etcd. close ends the connection.
func openStore(ctx context.Context, url string) (store fleet.Store, close func(), err error) {
	switch {
	case strings.HasPrefix(url, "nats://"):
		return openNATS(ctx, url)
	case strings.HasPrefix(url, "http://"):
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{url}, Logger: zap.NewNop()})
		if err != nil {
			return nil, nil, err
		}
		return etcd.New(client), func() { client.Close() }, nil
	}
	return nil, nil, fmt.Errorf("store %q: must begin with nats:// or http://", url)
}

func openNATS(ctx context.Context, url string) (fleet.Store, func(), error) {
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	store, err := natskv.Open(ctx, js, jetstream.KeyValueConfig{Bucket: "fleet"})
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return store, conn.Close, nil
}
