package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bulklink/bulklink-go/fleet/natskv/embedded"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// asServer is an environment variable. If it is set, the test binary is a server of a
// store, so that a test can kill it, and the value is its configuration.
const asServer = "FLEET_SERVER"

type serverConfig struct{ Engine, Dir, Addr, Peer string }

// serve runs a server until its standard input ends.
func serve(text string) {
	var c serverConfig
	err := json.Unmarshal([]byte(text), &c)
	if err == nil && c.Engine == "nats" {
		_, err = embedded.Start(c.Dir, embedded.Listen(c.Addr))
	} else if err == nil {
		err = startEtcd(c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startEtcd(c serverConfig) error {
	e := embed.NewConfig()
	e.Dir, e.Name = c.Dir, "one"
	client, peer := url.URL{Scheme: "http", Host: c.Addr}, url.URL{Scheme: "http", Host: c.Peer}
	e.ListenClientUrls, e.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	e.ListenPeerUrls, e.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	e.InitialCluster = e.InitialClusterFromName(e.Name)
	e.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	server, err := embed.StartEtcd(e)
	if err != nil {
		return err
	}
	<-server.Server.ReadyNotify()
	return nil
}

// server is a store that runs as a process.
type server struct {
	t      *testing.T
	config serverConfig
	cmd    *exec.Cmd
}

func newServer(t *testing.T, engine string) *server {
	t.Helper()
	s := &server{t: t, config: serverConfig{engine, filepath.Join(t.TempDir(), engine), freeAddr(t), freeAddr(t)}}
	s.start()
	t.Cleanup(s.kill)
	return s
}

func (s *server) url() string {
	if s.config.Engine == "nats" {
		return "nats://" + s.config.Addr
	}
	return "http://" + s.config.Addr
}

// start returns when the server is ready.
func (s *server) start() {
	s.t.Helper()
	config, err := json.Marshal(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(program)
	s.cmd.Env = append(os.Environ(), asServer+"="+string(config))
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if line := bufio.NewScanner(out); !line.Scan() || line.Text() != "ready" {
		s.t.Fatal("the server of the store did not start")
	}
}

// kill ends the server as SIGKILL does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// wipe removes the data of a server that does not run.
func (s *server) wipe() {
	if err := os.RemoveAll(s.config.Dir); err != nil {
		s.t.Fatal(err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
