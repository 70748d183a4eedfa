package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func readRaw(t *testing.T) *results {
	t.Helper()
	f, err := os.Open("testdata/raw.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := parse(f, "raw.txt")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParse(t *testing.T) {
	r := readRaw(t)
	wantConfig := map[string]string{
		"goos": "linux", "goarch": "amd64", "pkg": benchmarks, "cpu": "Example CPU",
		"toolchain": "go1.26.8", "runs": "6", "processors": "2",
	}
	if diff := cmp.Diff(wantConfig, r.config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	g := r.find("HandOver", "slots=1, goroutines=256, limit=none")
	if g == nil {
		t.Fatal("the results have no hand-over")
	}
	if got := g.params["goroutines"]; got != "256" {
		t.Errorf("goroutines=%q", got)
	}
	if got := g.subjects["xsync"]["ns/op"]; len(got) != 6 || got[0] < 400 || got[0] > 600 {
		t.Errorf("ns/op of xsync: %v", got) // nanoseconds, not the seconds of benchfmt
	}
	if got := r.find("Guard", "").subjects["guard"]["ns/op"]; len(got) != 6 {
		t.Errorf("guard: %v", got)
	}
	if slices.ContainsFunc(r.cases, func(g *group) bool { return g.bench == "Unknown" }) {
		t.Error("a benchmark without a table was included")
	}
}

func TestParseRejectsInvalidNames(t *testing.T) {
	for name, raw := range map[string]string{
		"no peer":       "BenchmarkUncontended/slots=1 1 5 ns/op\n",
		"not key=value": "BenchmarkUncontended/fast 1 5 ns/op\n",
		"no number":     "BenchmarkUncontended/peer=x 1 five ns/op\n",
	} {
		if _, err := parse(strings.NewReader(raw), "raw"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRatio(t *testing.T) {
	apart := compare([]float64{8, 8, 8.1, 8.2, 7.9, 8}, []float64{10, 10, 10.1, 9.9, 10, 10.2})
	if got := apart.String(); got != "0.80× (p=0.002)" {
		t.Errorf("far apart: %q", got)
	}
	same := compare([]float64{8, 9, 10, 11, 12, 13}, []float64{8.5, 9.5, 10.5, 11.5, 12.5, 7})
	if same.significant || !strings.HasPrefix(same.String(), "~ ") {
		t.Errorf("interleaved samples differ significantly: %v", same)
	}
	if few := compare([]float64{1, 1.1, 1.2}, []float64{5, 5.1, 5.2}); few.significant {
		t.Error("a difference of three runs is significant")
	}
	if got := compare([]float64{1, 2, 3, 4}, []float64{0, 0, 0, 0}).String(); got != "–" {
		t.Errorf("divided by 0: %q", got)
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.8: "0.80", 9.994: "9.99", 9.996: "10.0", 18.53: "18.5", 99.94: "99.9", 99.96: "100",
		1234.4: "1,234", 1234567: "1,234,567", -4000: "-4,000",
	} {
		if got := digits(v); got != want {
			t.Errorf("digits(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestTables(t *testing.T) {
	var b bytes.Buffer
	writeTables(&b, readRaw(t))
	golden(t, "results.md", b.String())
	for i, line := range strings.Split(b.String(), "\n") {
		if strings.HasSuffix(line, " ") {
			t.Errorf("line %d ends with a space", i+1)
		}
	}
}

func TestSnippet(t *testing.T) {
	var b bytes.Buffer
	writeSnippet(&b, readRaw(t), command)
	golden(t, "README-snippet.md", b.String())
}

func TestEveryFigureHasItsGaps(t *testing.T) {
	for _, w := range works {
		if w.needs == 0 && w.bench != "Scaling" { // which compares numbers of bulkheads, not peers
			t.Errorf("%s: needs is empty, so the table shows no gaps", w.bench)
		}
		for _, peer := range []string{"floor", "channel"} {
			if w.by == "" && (gapsOf(peer, w.needs) == "none" || gapsOf(peer, w.needs) == "") {
				t.Errorf("%s: no gap of %s is declared", w.bench, peer)
			}
		}
	}
}

func TestGapsOfSubjectsThatUseAPeer(t *testing.T) {
	for subject, want := range map[string]string{
		"none":            "no limiter at all",
		"guard":           "none",
		"acquire-by-hand": "release by hand",
		"xsync-by-hand":   "no counters, release by hand",
		"channel-by-hand": "no counters, release by hand",
		"xsync-map":       "no counters, release by hand, never evicts",
	} {
		if got := gapsOf(subject, running); got != want {
			t.Errorf("%s: %q, want %q", subject, got, want)
		}
	}
	for name, s := range subjects {
		if _, ok := peers.Find(s.peer); !ok && s.gap == "" {
			t.Errorf("%s: has neither a peer nor a gap", name)
		}
	}
}

// ofAdapters are the benchmarks of the packages of contrib, which are not in the report.
var ofAdapters = []string{"Middleware", "Interceptor", "Query"}

// TestWorksMatchBenchmarks finds benchmarks without a table and tables without a
// benchmark.
func TestWorksMatchBenchmarks(t *testing.T) {
	files, err := filepath.Glob("../*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func Benchmark(\w+)\(`).FindAllSubmatch(src, -1) {
			if name := string(m[1]); !slices.Contains(ofAdapters, name) {
				have = append(have, name)
			}
		}
	}
	var want []string
	for _, w := range works {
		want = append(want, w.bench)
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("tables and benchmarks (-tables +benchmarks):\n%s", diff)
	}
}

func TestCharts(t *testing.T) {
	r := readRaw(t)
	for _, c := range charts {
		svg, err := c.draw(r)
		if err != nil {
			t.Fatal(err)
		}
		if c.file == "start-delay.svg" { // the results do not include it
			if svg != nil {
				t.Errorf("%s: a chart without results", c.file)
			}
			continue
		}
		for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", c.file, err)
			}
		}
		if !bytes.Contains(svg, []byte("Bulklink")) {
			t.Errorf("%s: the chart does not include Bulklink", c.file)
		}
		again, err := c.draw(r)
		if err != nil || !bytes.Equal(svg, again) {
			t.Errorf("%s: two drawings of the same results differ (%v)", c.file, err)
		}
	}
}

func TestPasses(t *testing.T) {
	full := plan{runs: 6, benchtime: 80 * time.Millisecond}
	passes := full.passes()
	if len(passes) != 5 {
		t.Fatalf("%d passes", len(passes))
	}
	if slices.Equal(full.args(passes[0], 0), full.args(passes[0], 1)) {
		t.Error("rotate does not change the arguments")
	}
	argsOf := func(p plan) string {
		var all []string
		for _, pass := range p.passes() {
			all = append(all, p.args(pass, 0)...)
		}
		return strings.Join(all, " ")
	}
	for _, w := range works {
		if !strings.Contains(argsOf(full), w.bench) {
			t.Errorf("%s is never run", w.bench)
		}
	}
	short := argsOf(plan{runs: 4, benchtime: time.Millisecond, short: true})
	if strings.Contains(short, "QueueLength") || !strings.Contains(short, "-test.short") {
		t.Errorf("short: %s", short)
	}
}

// TestTimeIsBounded checks the durations that the documentation states, with a margin for
// compiling and slower machines.
func TestTimeIsBounded(t *testing.T) {
	if doublings > 2 {
		t.Skip("the documentation states durations for two processors")
	}
	for _, c := range []struct {
		p    plan
		most time.Duration
	}{{defaultPlan(false), 8 * time.Minute}, {defaultPlan(true), 45 * time.Second}} {
		if got := c.p.takes(); got > c.most || got < c.most/3 {
			t.Errorf("%+v takes %v, at most %v", c.p, got, c.most)
		}
		if c.p.runs < 4 {
			t.Errorf("with %d runs, no difference is significant", c.p.runs)
		}
	}
}

func TestMissingResults(t *testing.T) {
	p := pass{works: []*work{{bench: "A", full: effort{cases: 2}, brief: effort{cases: 1}}}}
	one := "goos: linux\nBenchmarkA/peer=x-2 \t 10 \t 5.1 ns/op\nBenchmarkAB/peer=x-2 10 5 ns/op\n"
	if err := p.check([]byte(one), true); err != nil {
		t.Error(err)
	}
	if err := p.check([]byte(one), false); err == nil || !strings.Contains(err.Error(), "A has 1 result") {
		t.Errorf("one of two: %v", err)
	}
	if err := p.check([]byte(one+"BenchmarkA/peer=y-2 --- FAIL\n"), false); err == nil {
		t.Error("a failure was counted as a result")
	}
}

func TestRunFromRawResults(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-from", "testdata/raw.txt", "-o", dir}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"raw.txt", "results.md", "README-snippet.md", "headline.svg", "handover.svg", "queue-length.svg", "http.svg"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(data) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if !strings.Contains(out.String(), "uncontended") {
		t.Errorf("the headline was not printed:\n%s", out.String())
	}
	if strings.Contains(out.String(), "](") || !strings.Contains(out.String(), "Written to "+dir+": ") {
		t.Errorf("want the folder and no links of README:\n%s", out.String())
	}
}

func TestRunRejectsInvalidArguments(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.txt")
	if err := os.WriteFile(empty, []byte("PASS\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"no such file": {"-from", "testdata/none.txt"},
		"nothing":      {"-from", empty},
		"unknown flag": {"-fast"},
		"unknown work": {"-only", "Everything"},
		"nothing left": {"-only", "QueueLength", "-short"},
	} {
		if err := run(t.Context(), append(args, "-o", t.TempDir()), io.Discard, io.Discard); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestExitCodes(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx         context.Context
		args        string
		code        int
		out, stderr string
	}{
		{t.Context(), "-h", 0, "Usage: report [flags]", ""},
		{t.Context(), "-help", 0, "-benchtime", ""},
		{t.Context(), "-fast", 2, "", "report: flag provided but not defined: -fast\nreport -h"},
		{t.Context(), "fast", 2, "", "report: unexpected arguments: fast"},
		{t.Context(), "-runs -1", 2, "", "report: -runs -1: must be"},
		{t.Context(), "-benchtime -1s", 2, "", "report: -benchtime -1s: must be"},
		{t.Context(), "-only Everything", 2, "", `no benchmark "Everything"`},
		{t.Context(), "-from testdata/none.txt", 1, "", "none.txt"},
		{canceled, "-from testdata/none.txt", 130, "", "none.txt"},
	} {
		var out, errs bytes.Buffer
		code := report(c.ctx, strings.Fields(c.args), &out, &errs)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.stderr) || (c.stderr == "") != (errs.Len() == 0) {
			t.Errorf("%s: exit code %d, want %d, on stdout: %s, on stderr: %s", c.args, code, c.code, &out, &errs)
		}
	}
}

// TestMeasure runs some benchmarks. measure checks that each has the expected number of
// results.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the benchmarks")
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"short": {
			[]string{"-short"},
			[]string{"## Rejected when full", "**slots=1, goroutines=256, limit=none**", "1 interleaved runs on", "added, µs"},
		},
		"some": { // benchmarks that are fast with a short benchtime
			[]string{"-only", "HandOver,SharedContext,Fairness,Expiry,Leave,Guard,Events,Keyed,Scaling"},
			[]string{"**slots=64, goroutines=4096, limit=never-fires**", "**keys=new**"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			stale := filepath.Join(dir, "queue-length.svg")
			if err := os.WriteFile(stale, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var progress bytes.Buffer
			args := append(c.args, "-runs", "1", "-benchtime", "1ms", "-o", dir)
			if err := run(t.Context(), args, io.Discard, &progress); err != nil {
				t.Fatal(err)
			}
			tables, err := os.ReadFile(filepath.Join(dir, "results.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !bytes.Contains(tables, []byte(want)) {
					t.Errorf("the tables do not contain %q", want)
				}
			}
			if !strings.HasPrefix(progress.String(), "1 runs: about ") {
				t.Errorf("the progress does not begin with the duration: %q", progress.String())
			}
			if _, err := os.Stat(stale); err == nil {
				t.Error("a chart of an earlier report was not removed")
			}
		})
	}
}

// TestInterruptedRunWritesNoFiles interrupts a run, after which no file may be written.
func TestInterruptedRunWritesNoFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the benchmarks")
	}
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "results")
	err := run(ctx, []string{"-only", "Guard", "-runs", "3", "-benchtime", "10ms", "-o", dir}, io.Discard, after(1, cancel))
	if err == nil || !strings.Contains(err.Error(), "interrupted in run 2") {
		t.Errorf("got %v, want an interruption in run 2", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("files were written")
	}
}

// after returns a writer for the progress that calls stop when the given number of runs
// is done.
func after(runs int, stop func()) io.Writer {
	return writer(func(p []byte) {
		if bytes.Contains(p, []byte("is done")) {
			if runs--; runs == 0 {
				stop()
			}
		}
	})
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
