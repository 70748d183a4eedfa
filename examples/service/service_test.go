//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// process is a running process of the program.
type process struct {
	cmd    *exec.Cmd
	url    string
	out    *bufio.Reader
	stderr bytes.Buffer
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "service")
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "service")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if program, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(program))
	}
	os.Exit(code)
}

func start(t *testing.T, args ...string) *process {
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.CommandContext(t.Context(), program, args...)}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if _, err := fmt.Fscanf(p.out, "listening on %s\n", &p.url); err != nil {
		t.Fatal(err)
	}
	return p
}

// end waits for the process, and returns the rest of its output and its exit code.
func (p *process) end(t *testing.T) (string, int) {
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // its error reports the exit code, which is returned
	return string(rest), p.cmd.ProcessState.ExitCode()
}

// newClient returns a client with one connection for each request. Shutdown would wait
// for a new connection that is idle.
func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// The test offers twice the load that the dependencies can serve, sends SIGTERM, and
// goes on with the load. The numbers of finished and rejected calls that the process
// reports must equal the numbers of answers, so no accepted request lost its answer.
// No request may be rejected because the service is stopping.
func TestSignalUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	p := start(t, "-drain", "1m") // enough on any machine
	client := newClient()
	var done, rejected [2]atomic.Int64
	var notAccepted, closed atomic.Int64
	answered := make(chan struct{}, 4000)

	ticks := time.NewTicker(1250 * time.Microsecond) // 4 slots serve 200 requests per second for each route
	defer ticks.Stop()
	var clients sync.WaitGroup
	ended := make(chan struct{})
	go func() {
		for range 100 { // let the load build up
			<-answered
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}()
	var rest string
	var code int
	go func() {
		defer close(ended)
		rest, code = p.end(t)
	}()
load:
	for n := 0; ; n++ {
		select {
		case <-ticks.C:
		case <-ended:
			break load
		}
		route := n % 2
		clients.Go(func() {
			resp, err := client.Get(p.url + [...]string{"/reports", "/exports"}[route])
			if err != nil {
				notAccepted.Add(1) // or lost, and then the sums below differ
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			switch {
			case err == nil && resp.StatusCode == http.StatusOK && string(body) == "done\n":
				done[route].Add(1)
			case err == nil && resp.StatusCode == http.StatusServiceUnavailable:
				rejected[route].Add(1)
				if strings.HasSuffix(string(body), ": closed\n") {
					closed.Add(1)
				}
			default:
				t.Errorf("%s with %q, %v", resp.Status, body, err)
			}
			select {
			case answered <- struct{}{}:
			default:
			}
		})
	}
	clients.Wait()
	if code != 0 || p.stderr.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
	if n := closed.Load(); n > 0 {
		t.Errorf("%d accepted requests got 503 because a bulkhead was closed", n)
	}
	want := ""
	for route, label := range []string{"database", "storage"} {
		want += fmt.Sprintf("%s: %d finished, %d rejected, 0 in flight\n", label, done[route].Load(), rejected[route].Load())
	}
	if rest != want {
		t.Errorf("the process counted\n%s, the clients\n%s", rest, want)
	}
	t.Logf("%s%d not accepted", rest, notAccepted.Load())
}

// fill sends requests to /exports until all slots and the waiting room are taken, and
// returns their answers.
func fill(t *testing.T, p *process) <-chan string {
	client := newClient()
	answers := make(chan string, slots+room+1)
	for i := range slots + room + 1 {
		go func() {
			resp, err := client.Get(fmt.Sprintf("%s/exports?id=%d", p.url, i))
			if err != nil {
				answers <- "cut off"
				return
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			answers <- fmt.Sprintf("%d %s", resp.StatusCode, body)
		}()
	}
	// One request is too many. When it is rejected, the others are in flight or waiting.
	if a := <-answers; !strings.Contains(a, "saturated") {
		t.Errorf("the request that is too many got: %s", a)
	}
	return answers
}

func TestEveryAcceptedRequestIsAnsweredAfterTheSignal(t *testing.T) {
	t.Parallel()
	p := start(t, "-work", "500ms", "-drain", "1m")
	answers := fill(t, p)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	rejected := 0
	for range slots + room {
		switch a := <-answers; {
		case strings.HasPrefix(a, "503"):
			rejected++
		case a != "200 done\n":
			t.Errorf("the answer is %q", a)
		}
	}
	if rejected != 0 {
		t.Errorf("%d of %d accepted requests got 503", rejected, slots+room)
	}
	if rest, code := p.end(t); code != 0 || !strings.Contains(rest, "storage: 12 finished, 1 rejected, 0 in flight\n") {
		t.Errorf("exit code %d; %s%s", code, rest, &p.stderr)
	}
}

func TestWaitingRequestsAreAnsweredAndCutOffOnesNamed(t *testing.T) {
	t.Parallel()
	// A quarter of the budget is left to send the 503s, enough on a busy machine.
	p := start(t, "-work", "10m", "-drain", "6s")
	answers := fill(t, p)
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	for range room { // before requests are cut off
		if a := <-answers; a != "503 bulkhead \"storage\": closed\n" {
			t.Errorf("a waiting request got: %s", a)
		}
	}
	rest, code := p.end(t)
	for range slots {
		if a := <-answers; a != "cut off" {
			t.Errorf("a request in flight got: %s", a)
		}
	}
	if code != 1 || !strings.Contains(rest, fmt.Sprintf("storage: 0 finished, %d rejected, %d in flight\n", 1+room, slots)) {
		t.Errorf("exit code %d; %s", code, rest)
	}
	stderr := p.stderr.String()
	if !strings.Contains(stderr, `bulkhead "storage": not drained, 4 in flight`) || strings.Contains(stderr, "database") {
		t.Errorf("stderr: %s", stderr)
	}
	if n := strings.Count(stderr, "GET /exports?id="); n != slots {
		t.Errorf("%d requests named: %s", n, stderr)
	}
}

// A request that is cut off before it reaches a bulkhead is lost too, so the process
// must report it.
func TestRequestCutOffBeforeABulkheadIsReported(t *testing.T) {
	t.Parallel()
	p := start(t, "-drain", "100ms")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /reports HTTP/1.1\r\n") // incomplete headers
	// Connections are accepted in order, so after this answer conn is accepted too.
	resp, err := newClient().Get(p.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_, code := p.end(t)
	if stderr := p.stderr.String(); code != 1 || !strings.Contains(stderr, "connections still open") {
		t.Errorf("exit code %d; stderr: %s", code, stderr)
	}
}

func TestInterruptExitsWith130AlsoIfNothingIsLost(t *testing.T) {
	t.Parallel()
	p := start(t)
	_ = p.cmd.Process.Signal(os.Interrupt)
	if rest, code := p.end(t); code != 130 || !strings.Contains(rest, "0 in flight\n") || p.stderr.String() != "service: interrupted\n" {
		t.Errorf("exit code %d; stdout: %s; stderr: %s", code, rest, &p.stderr)
	}
}
