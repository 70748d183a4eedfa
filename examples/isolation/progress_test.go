package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

func TestProgressIsOverwrittenTwiceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := 0
		stop := newProgress(&out, true).start(func() string { n++; return "line" })
		time.Sleep(1200 * time.Millisecond)
		stop()
		if n != 3 {
			t.Errorf("%d lines in 1.2 seconds, want 3: at 0, 0.5 and 1", n)
		}
		blank := "\r" + strings.Repeat(" ", progressWidth) + "\r"
		if !strings.HasSuffix(out.String(), blank) || strings.Contains(out.String(), "\n") {
			t.Errorf("the line was not removed: %q", &out)
		}
	})
}

func TestProgressIsShownOnlyOnATerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if isTerminal(file) || isTerminal(w) || isTerminal(new(bytes.Buffer)) {
		t.Error("a file, a pipe or a buffer was taken for a terminal")
	}
	newProgress(nil, false).start(func() string { t.Error("shown without a terminal"); return "" })()
}

func TestProgressFitsIntoOneLine(t *testing.T) {
	line := progressLine("without bulkheads", 9999*time.Millisecond, 10*time.Minute,
		[targets]tally{{succeeded: 5_000_000, shed: 5_000_000}, {succeeded: 5_000_000, shed: 5_000_000}})
	if n := utf8.RuneCountInString(line); n > progressWidth {
		t.Errorf("%d characters, so its end is cut off", n)
	}
	var out bytes.Buffer
	progress{out: &out}.overwrite(line + line)
	if n := utf8.RuneCount(out.Bytes()); n != 1+progressWidth {
		t.Errorf("%d characters", n)
	}
	for _, want := range []string{"without bulkheads", "10/600 s", "fast 5000000/10000000", "slow 5000000/10000000"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q does not contain %q", line, want)
		}
	}
}
