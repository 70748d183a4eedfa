package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// asReplica is an environment variable. If it is set, the program is a replica, and the
// value is its configuration.
const asReplica = "FLEET_REPLICA"

// process is a replica that runs as a process of its own.
type process struct {
	config replicaConfig
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	read   chan struct{} // closed at the end of its output

	mu   sync.Mutex
	last report
}

// startReplica starts this program again, as a replica.
func startReplica(c replicaConfig) (*process, error) {
	config, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{config: c, cmd: exec.Command(program), read: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asReplica+"="+string(config))
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.listen(json.NewDecoder(out))
	return p, nil
}

// listen keeps the last report.
func (p *process) listen(reports *json.Decoder) {
	defer close(p.read)
	for {
		var r report
		if reports.Decode(&r) != nil {
			return
		}
		p.mu.Lock()
		p.last = r
		p.mu.Unlock()
	}
}

func (p *process) report() report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// load sets the number of concurrent callers.
func (p *process) load(n int) error {
	_, err := fmt.Fprintln(p.stdin, n)
	return err
}

// kill ends the process as SIGKILL does: it cannot give anything back.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait() // its error says that the process was killed
	return err
}

// leave lets the replica leave the fleet, and waits until it has ended.
func (p *process) leave() error {
	err := p.stdin.Close()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	<-p.read
	if err = errors.Join(err, p.cmd.Wait()); err != nil {
		return fmt.Errorf("replica %s: %w", p.config.Name, err)
	}
	return nil
}
