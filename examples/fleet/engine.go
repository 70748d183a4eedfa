package main

import (
	"os"

	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
)

// engine is an embedded NATS server that can be stopped and started again.
type engine struct {
	dir     string
	address string // after the first start
	server  *embedded.Server
}

// start starts the server, with the data and the address that it had before.
func (e *engine) start() (err error) {
	if e.dir == "" {
		if e.dir, err = os.MkdirTemp("", "bulklink-fleet-"); err != nil {
			return err
		}
	}
	var opts []embedded.Option
	if e.address != "" {
		opts = append(opts, embedded.Listen(e.address))
	}
	if e.server, err = embedded.Start(e.dir, opts...); err != nil {
		return err
	}
	e.address = e.server.URL()[len("nats://"):]
	return nil
}

func (e *engine) url() string { return e.server.URL() }

// stop stops the server, if it was started.
func (e *engine) stop() {
	if e.server != nil {
		e.server.Close()
	}
}

// remove stops the server and removes its data.
func (e *engine) remove() error {
	e.stop()
	if e.dir == "" {
		return nil
	}
	return os.RemoveAll(e.dir)
}
