// Package embedded runs a NATS server with JetStream in the process. It is for tests,
// demonstrations, and fleets whose processes all run on one machine:
//
//	server, err := embedded.Start("/var/lib/myservice/nats", embedded.Listen("127.0.0.1:4222"))
//	if err != nil { … }
//	defer server.Close()
//	conn, err := nats.Connect(server.URL())
//
// The fleet ends with the process that runs the server: its other members stop, or do
// what their option OnLost says. Use a cluster of servers for anything else.
package embedded

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
	"github.com/nats-io/nats-server/v2/server"
)

// Option is an option of [Start].
type Option = option.Option[server.Options]

// Listen sets the address, as in "127.0.0.1:4222". The default is a free port of
// 127.0.0.1. Port 0 is a free port too.
func Listen(address string) Option {
	return func(o *server.Options) error {
		host, port, err := net.SplitHostPort(address)
		n, notNumber := strconv.ParseUint(port, 10, 16)
		if err = errors.Join(err, notNumber); err != nil {
			return &bulk.ConfigError{Field: "address", Value: address, Problem: "must be host:port: " + err.Error()}
		}
		o.Host, o.Port = host, int(n)
		if n == 0 {
			o.Port = server.RANDOM_PORT
		}
		return nil
	}
}

// Configure changes the options of the server: credentials, TLS, limits, a cluster. It
// is called after the other defaults and in the order of the options.
func Configure(change func(*server.Options)) Option {
	return func(o *server.Options) error {
		if change == nil {
			return &bulk.ConfigError{Field: "option", Value: "Configure(nil)", Problem: "must not be nil"}
		}
		change(o)
		return nil
	}
}

// Server is a NATS server in this process.
type Server struct{ server *server.Server }

// patience is how long a server may take until it answers.
const patience = 30 * time.Second

// Start starts a server that keeps its data in the folder dir, and returns when it
// answers. A server that starts with the folder of another one has its data. Every
// write is on disk before it is acknowledged. The server logs nothing and handles no
// signals.
func Start(dir string, opts ...Option) (*Server, error) {
	if dir == "" {
		return nil, &bulk.ConfigError{Field: "dir", Value: dir, Problem: "must name a folder"}
	}
	o := server.Options{
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: true,
		NoSigs:     true,
		NoLog:      true,
	}
	if err := option.Apply(&o, opts...); err != nil {
		return nil, err
	}
	s, err := server.NewServer(&o)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) || !s.JetStreamEnabled() {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded: the server at %s with the folder %s does not answer; is the port in use, or the folder not writable?", s.Addr(), dir)
	}
	return &Server{s}, nil
}

// URL returns the address to connect to, as in "nats://127.0.0.1:4222".
func (s *Server) URL() string { return s.server.ClientURL() }

// Close stops the server and returns when it has. The data stay in the folder. It can
// be called again.
func (s *Server) Close() {
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
