//go:build unix

package registry_test

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/bulklink/bulklink-go/registry"
)

// Daemons read their configuration again when they get the signal SIGHUP. A file with
// a mistake changes nothing.
func ExampleRegistry_ApplyJSON_reload() {
	r := registry.New()
	b, _ := r.Create("payments", 10)
	read := func() ([]byte, error) { return []byte(`{"payments": {"parallelism": 20}}`), nil } // in a program: os.ReadFile

	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	reloaded := make(chan error)
	go func() {
		for range hangups {
			data, err := read()
			if err == nil {
				err = r.ApplyJSON(data)
			}
			reloaded <- err // in a program: log it
		}
	}()

	self, _ := os.FindProcess(os.Getpid())
	_ = self.Signal(syscall.SIGHUP)
	err := <-reloaded
	signal.Stop(hangups)
	close(hangups)
	fmt.Println(b.Capacity().Parallelism, err)
	// Output: 20 <nil>
}
