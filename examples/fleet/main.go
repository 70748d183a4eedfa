// Fleet shows one budget for many processes: a dependency takes 40 concurrent calls,
// however many replicas of a service there are. The program starts an embedded NATS
// server, five replicas of itself as processes, and a dependency that counts the calls
// inside. It moves the load, kills a replica, restarts the store, and prints the share
// of each replica and the highest number of calls ever inside.
//
//	go run . [-duration 24s] [-total 40] [-store nats://host:4222] [-http localhost:8080]
//
// With -http, a page has the dashboard of each replica while the program runs: page.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/fleet"
)

const about = `Fleet divides a budget of concurrent calls among five replicas of a service, which
are processes. The load moves between them, one is killed, and the store is restarted.
Each line of the table has the share of each replica, the rest, which is free or kept
for a replica that was killed, the calls that are inside the dependency now, and the
highest number that was ever inside. If that is above the total, the exit code is 1.
The shares are read one after another, so the rest can be negative while one moves.`

type config struct {
	duration time.Duration
	total    int
	store    string
	http     string // address of the page; empty: none
}

func flags(cfg *config) *command.Flags {
	fs := command.New("fleet", about)
	fs.DurationVar(&cfg.duration, "duration", 24*time.Second, "of the whole run")
	fs.IntVar(&cfg.total, "total", 40, "concurrent calls that the dependency takes")
	fs.StringVar(&cfg.store, "store", "", "URL of a store that runs already, nats://… or, for etcd, http://…; it is not restarted (default: an embedded NATS server)")
	fs.StringVar(&cfg.http, "http", "", "address at which a page shows the dashboard of each replica while the program runs, such as localhost:8080")
	command.Between(fs, "duration", &cfg.duration, 10*time.Second, time.Hour)
	command.Between(fs, "total", &cfg.total, 5, 1000)
	fs.Check(func() error {
		if cfg.store == "" || strings.HasPrefix(cfg.store, "nats://") || strings.HasPrefix(cfg.store, "http://") {
			return nil
		}
		return fmt.Errorf("-store %s: must begin with nats:// or http://", cfg.store)
	})
	return fs
}

func main() {
	if text := os.Getenv(asReplica); text != "" {
		signal.Ignore(os.Interrupt) // Ctrl-C is for the process that started this one
		os.Exit(replica(text))
	}
	os.Exit(run(command.UntilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// replica is the program in a process that startReplica started.
func replica(text string) int {
	var c replicaConfig
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = runReplica(context.Background(), c, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "replica %s: %v\n", c.Name, err)
		return command.Failure
	}
	return command.OK
}

// run is the whole program, except for signals, standard streams and os.Exit. It
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cfg config
	return flags(&cfg).Run(args, stdout, stderr, func() error { return show(ctx, cfg, stdout) })
}

// show starts everything, lets the scenario run, and ends everything.
func show(ctx context.Context, cfg config, out io.Writer) (err error) {
	engine := new(engine)
	url := cfg.store
	if url == "" {
		if err := engine.start(); err != nil {
			return err
		}
		url = engine.url()
	}
	defer func() { err = errors.Join(err, engine.remove()) }()
	if err := createBudget(ctx, url); err != nil {
		return err
	}
	dependency, err := newDependency()
	if err != nil {
		return err
	}
	defer dependency.close()
	c := &conductor{
		replica:    replicaConfig{Store: url, Dependency: dependency.addr(), Total: cfg.total, Grace: grace, Page: cfg.http != ""},
		dependency: dependency,
		engine:     engine,
		own:        cfg.store == "",
		out:        out,
	}
	if cfg.http != "" {
		stop, startErr := c.startPage(cfg.http)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	err = c.play(ctx, cfg.duration)
	if err = errors.Join(err, c.leave()); err != nil {
		return err
	}
	_, highest, served := dependency.counts()
	fmt.Fprintf(out, "\nThe highest number of calls that were ever inside is %d, of %d that are allowed. %d calls were made.\n", highest, cfg.total, served)
	if highest > cfg.total {
		return fmt.Errorf("%d calls were inside, more than the total of %d", highest, cfg.total)
	}
	return nil
}

// createBudget creates the record, so that the replicas need not find out that it is
// new. A record that exists is that of an earlier run.
func createBudget(ctx context.Context, url string) error {
	store, closeStore, err := openStore(ctx, url)
	if err != nil {
		return err
	}
	defer closeStore()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := fleet.Create(ctx, store, budget); !errors.Is(err, fleet.ErrConflict) {
		return err
	}
	return nil
}
