package main

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulklink/bulklink-go/examples/internal/command"
	"github.com/bulklink/bulklink-go/examples/internal/command/commandtest"
)

func TestNoisyTenantFillsOnlyItsOwnBulkhead(t *testing.T) {
	before := runtime.NumGoroutine()
	p, err := runPhase(t.Context(), config{duration: 400 * time.Millisecond, quiet: 3, noise: 40}, perTenant())
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range p.tenants {
		n := p.tallies[tenant]
		// A quiet tenant never has more concurrent requests than slots.
		if tenant != noisy && (n.rejected > 0 || n.failed > 0 || n.served == 0) {
			t.Errorf("%s: %d served, %d rejected, %d failed", tenant, n.served, n.rejected, n.failed)
		}
		if tenant == noisy && (n.rejected == 0 || n.served == 0) {
			t.Errorf("%s: %d served, %d rejected", tenant, n.served, n.rejected)
		}
	}
	if got := describe(p.counts); !strings.HasPrefix(got, "4 bulkheads, 16 slots\n") {
		t.Error(got)
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestRunShowsBothPhasesAndStopsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "200ms", "-noise", "50"}, &out, &errs)
	if code != command.OK || errs.Len() > 0 {
		t.Fatalf("exit code %d, on stderr: %s", code, &errs)
	}
	for _, want := range []string{"4 quiet tenants", "\none bulkhead for all\n", "\na bulkhead for each tenant\n", "\n  noisy ", "\n  quiet 4 ", "sent few requests", "\nThe price: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("output does not contain %q:\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	commandtest.VerifyNoGoroutines(t, before)
}

func TestInterruptionPrintsTheResultsSoFar(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-duration", "10m"}, &out, &errs)
	if code != command.Interrupted || !strings.Contains(errs.String(), "interrupted") || !strings.Contains(out.String(), "one bulkhead for all") || strings.Contains(out.String(), "few requests") {
		t.Errorf("exit code %d, stderr %s, stdout %s", code, &errs, &out)
	}
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"-duration", "50ms", "-noise", "1"}, commandtest.BrokenWriter{}, &errs)
	if code != command.Failure || !strings.Contains(errs.String(), "disk full") {
		t.Errorf("exit code %d, stderr %q", code, &errs)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"-h", command.OK, "Usage: tenants"},
		{"-help", command.OK, "-noise"},
		{"-duration 1ms", command.Usage, "-duration 1ms: must be from"},
		{"-quiet 0 -noise 0", command.Usage, "-quiet 0: must be from 1 to 50\n-noise 0: must be"},
		{"-noise 501", command.Usage, "-noise 501"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(c.args), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: exit code %d, want %d, output:\n%s", c.args, code, c.code, &out)
		}
	}
}

func TestVerdictCountsTheQuietTenants(t *testing.T) {
	p := func(served, rejected int) phase {
		return phase{tallies: map[string]*tally{noisy: {rejected: 1000}, "quiet 1": {served: served, rejected: rejected}}}
	}
	if got := verdict(p(3, 7), p(10, 0)); !strings.Contains(got, "7 of their\n10 requests") || !strings.Contains(got, "0 of 10") {
		t.Error(got)
	}
}

func TestPriceIsGivenInFigures(t *testing.T) {
	p := func(noisyServed, quietServed, slots int) phase {
		return phase{counts: counts{slots: slots}, tallies: map[string]*tally{noisy: {served: noisyServed}, "quiet 1": {served: quietServed}}}
	}
	got := price(p(70, 20, 16), p(9, 30, 8))
	for _, want := range []string{"served\n9 requests of the noisy tenant instead of 70", "39 requests in total\ninstead of 90", "8 slots instead of 16", "100 tenants", "400 slots"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}
