// Package pgtest starts a PostgreSQL server for tests and examples.
package pgtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// ErrNotInstalled is returned by [Start] if there is no PostgreSQL on this machine.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or in PATH (on Debian: apt-get install postgresql)")

// patience is how long the server may take to start or stop.
const patience = 60 * time.Second

// Server is a running server.
type Server struct {
	// Source is the connection string, with the path of a unix socket. The database and
	// the user are called postgres; there is no password.
	Source string

	dir    string
	cmd    *exec.Cmd
	log    *bytes.Buffer
	exited chan struct{} // closed when the process has ended
}

// Start starts a server with an empty database in a temporary folder. It listens on a
// unix socket in that folder only. PostgreSQL does not run as root: for root, Start runs
// it as the user postgres or nobody. The server does not outlive this process on Linux.
func Start(maxConns int) (s *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // short: the path of a socket has at most 107 bytes
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	attributes, err := runAs(dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = dir, attributes
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s = &Server{
		Source: fmt.Sprintf("host=%s user=postgres dbname=postgres sslmode=disable", dir),
		dir:    dir, log: &bytes.Buffer{}, exited: make(chan struct{}),
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-h", "",
		"-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", fmt.Sprintf("max_connections=%d", maxConns))
	s.cmd.Dir, s.cmd.SysProcAttr = dir, attributes
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.exited)
		_ = s.cmd.Wait()
	}()
	if err := s.awaitReady(filepath.Join(bin, "pg_isready")); err != nil {
		_ = s.cmd.Process.Kill()
		<-s.exited
		return nil, fmt.Errorf("%w\n%s", err, s.log)
	}
	return s, nil
}

func (s *Server) awaitReady(isready string) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if exec.Command(isready, "-q", "-h", s.dir).Run() == nil {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("postgres ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("postgres is not ready after %v", patience)
}

// Stop stops the server, closes its connections, and removes its folder.
func (s *Server) Stop() error {
	_ = s.cmd.Process.Signal(os.Interrupt) // a fast shutdown
	var err error
	select {
	case <-s.exited:
	case <-time.After(patience):
		err = fmt.Errorf("postgres did not stop within %v", patience)
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// binaries returns the folder of initdb and postgres, of the newest version.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { // by version: 9 is before 10
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	return "", ErrNotInstalled
}
