package command_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestMain(m *testing.M) { commandtest.Main(m, stayOn) }

// stayOn is a program that reports the first signal and does not end.
func stayOn() {
	ctx := command.UntilSignal()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("noticed")
	time.Sleep(time.Hour)
}

func TestFirstSignalEndsTheContextAndTheSecondTheProcess(t *testing.T) {
	cmd, out, _ := commandtest.Start(t)
	lines := bufio.NewScanner(out)
	for _, want := range []string{"ready", "noticed"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
		_ = cmd.Process.Signal(os.Interrupt) // the process may have ended
	}
	ended := make(chan error)
	go func() { ended <- cmd.Wait() }()
	// Signals have their default effect again shortly after the first one. This
	// process cannot observe when, so it repeats the signal.
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(time.Millisecond):
			_ = cmd.Process.Signal(os.Interrupt)
		}
	}
	if state := cmd.ProcessState.String(); state != "signal: interrupt" {
		t.Error(state)
	}
}

func TestRun(t *testing.T) {
	const help = `Usage: bake [flags]

Bake makes bread.

Flags:
  -loaves int
    	how many (default 2)
  -time duration
    	in the oven (default 40m0s)
`
	usage := func(wrong string) string { return "bake: " + wrong + "\nbake -h explains its use.\n" }
	for _, c := range []struct {
		why    string
		args   string
		work   error
		code   int
		out    string // "done" is what the work prints
		stderr string
	}{
		{"valid flags", "", nil, command.OK, "done 2 40m0s", ""},
		{"the lower bounds are allowed", "-loaves 1 -time 1m", nil, command.OK, "done 1 1m0s", ""},
		{"the upper bounds are allowed", "-loaves 9 -time 1h", nil, command.OK, "done 9 1h0m0s", ""},
		{"help", "-h", nil, command.OK, help, ""},
		{"help by its long name", "-help", nil, command.OK, help, ""},
		{"help, after a flag out of bounds", "-loaves 0 --help", nil, command.OK, help, ""},
		{"below", "-loaves 0", nil, command.Usage, "", usage("-loaves 0: must be from 1 to 9 loaves")},
		{"above", "-time 1h1ns", nil, command.Usage, "", usage("-time 1h0m0.000000001s: must be from 1m0s to 1h0m0s")},
		{"no such flag", "-cake", nil, command.Usage, "", usage("flag provided but not defined: -cake")},
		{"a duration needs a unit", "-time 5", nil, command.Usage, "", usage(`invalid value "5" for flag -time: parse error`)},
		{"not a duration", "-time soon", nil, command.Usage, "", usage(`invalid value "soon" for flag -time: parse error`)},
		{"several mistakes", "-loaves 10 -time 1s and cake", nil, command.Usage, "",
			usage("unexpected arguments: and cake\n-loaves 10: must be from 1 to 9 loaves\n-time 1s: must be from 1m0s to 1h0m0s")},
		{"a check", "-loaves 5", nil, command.Usage, "", usage("-loaves 5: the oven has no place for five")},
		{"work fails", "", errors.New("burnt"), command.Failure, "done 2 40m0s", "bake: burnt\n"},
		{"interrupted", "", fmt.Errorf("%w: half done", command.ErrInterrupted), command.Interrupted, "done 2 40m0s", "bake: interrupted: half done\n"},
	} {
		t.Run(c.why, func(t *testing.T) {
			var loaves int
			var oven time.Duration
			fs := command.New("bake", "Bake makes bread.")
			fs.IntVar(&loaves, "loaves", 2, "how many")
			fs.DurationVar(&oven, "time", 40*time.Minute, "in the oven")
			command.Between(fs, "loaves", &loaves, 1, 9, "loaves")
			fs.Check(func() error {
				if loaves == 5 {
					return errors.New("-loaves 5: the oven has no place for five")
				}
				return nil
			})
			command.Between(fs, "time", &oven, time.Minute, time.Hour)
			var out, errs bytes.Buffer
			code := fs.Run(strings.Fields(c.args), &out, &errs, func() error {
				fmt.Fprint(&out, "done ", loaves, " ", oven)
				return c.work
			})
			if code != c.code || out.String() != c.out || errs.String() != c.stderr {
				t.Errorf("exit code %d, on stdout: %q, on stderr: %q; want %d, %q, %q", code, &out, &errs, c.code, c.out, c.stderr)
			}
		})
	}
}

func TestProgramWithoutFlagsHasHelpAndRejectsArguments(t *testing.T) {
	for _, c := range []struct {
		args        string
		code        int
		out, stderr string
	}{
		{"", command.OK, "", ""},
		{"-h", command.OK, "Usage: bake\n\nBake makes bread.\n", ""},
		{"-cake", command.Usage, "", "bake: flag provided but not defined: -cake\nbake -h explains its use.\n"},
		{"cake", command.Usage, "", "bake: unexpected arguments: cake\nbake -h explains its use.\n"},
	} {
		var out, errs bytes.Buffer
		code := command.New("bake", "Bake makes bread.").Run(strings.Fields(c.args), &out, &errs, func() error { return nil })
		if code != c.code || out.String() != c.out || errs.String() != c.stderr {
			t.Errorf("%q: exit code %d, on stdout: %q, on stderr: %q; want %d, %q, %q", c.args, code, &out, &errs, c.code, c.out, c.stderr)
		}
	}
}
