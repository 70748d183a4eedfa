package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/bulklink/bulklink-go/examples/internal/command"
)

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, tt := range []struct {
		why  string
		args []string
		want string // on stderr
	}{
		{"no time to send anything", []string{"-duration", "0s"}, "-duration 0s: must be from 100ms to 10m0s"},
		{"time does not go back", []string{"-duration", "-5s"}, "-duration -5s: must be"},
		{"just below the bound", []string{"-duration", "99ms"}, "-duration 99ms: must be"},
		{"just above the bound", []string{"-duration", "10m0.000000001s"}, "must be from"},
		{"more than can be waited for", []string{"-duration", "200h"}, "-duration 200h0m0s: must be"},
		{"no requests", []string{"-rate", "0"}, "-rate 0: must be from 1 to 10000 requests per second\nisolation -h explains"},
		{"a rate below nothing", []string{"-rate", "-1"}, "-rate -1: must be"},
		{"more than one machine sends", []string{"-rate", "10001"}, "-rate 10001: must be"},
		{"more than an int has", []string{"-rate", "99999999999999999999"}, "-rate"},
		{"not a number", []string{"-rate", "many"}, `invalid value "many" for flag -rate`},
		{"seeds are not negative", []string{"-seed", "-1"}, `invalid value "-1" for flag -seed`},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), tt.args, &out, &errs, noListener(t)); code != command.Usage {
				t.Errorf("%s: exit code %d, want %d", tt.why, code, command.Usage)
			}
			if !strings.Contains(errs.String(), tt.want) {
				t.Errorf("%s: stderr %q does not contain %q", tt.why, &errs, tt.want)
			}
			if out.Len() > 0 {
				t.Errorf("on stdout: %s", &out)
			}
		})
	}
}

func TestFlagsAtTheirBoundsAreAccepted(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"-duration", "100ms", "-rate", "1", "-seed", "0"},
		{"-duration", "10m", "-rate", "10000", "-seed", "18446744073709551615"},
	} {
		if err := flags(new(config)).Parse(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelpIsNoError(t *testing.T) {
	for _, arg := range []string{"-h", "-help", "--help"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{arg}, &out, &errs, noListener(t)); code != command.OK || errs.Len() > 0 {
			t.Errorf("%s: exit code %d, on stderr: %s", arg, code, &errs)
		}
		for _, want := range []string{"Usage: isolation", "-duration", "default 4s", "-rate", "default 500", "-seed", "loopback"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: help does not contain %q:\n%s", arg, want, &out)
			}
		}
	}
}
