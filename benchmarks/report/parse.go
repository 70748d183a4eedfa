package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// results holds all measurements of a file, in the order of the first occurrence of each
// case.
type results struct {
	config map[string]string
	cases  []*group
}

// group is one case of a benchmark, with all its subjects.
type group struct {
	bench    string
	name     string // "goroutines=16, limit=none"; empty if there is only one case
	params   map[string]string
	subjects map[string]measured
}

// measured holds the values of each unit, one for each measurement.
type measured map[string][]float64

// parse reads results in the Go benchmark format.
func parse(r io.Reader, name string) (*results, error) {
	out := &results{config: map[string]string{}}
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch record := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, record
		case *benchfmt.Result:
			if err := out.add(record); err != nil {
				return nil, err
			}
		}
	}
	return out, reader.Err()
}

func (r *results) add(record *benchfmt.Result) error {
	for _, c := range record.Config {
		if c.File {
			r.config[c.Key] = string(c.Value)
		}
	}
	base, parts := record.Name.Parts()
	w := findWork(string(base))
	if w == nil {
		return nil // a benchmark without a table
	}
	var subject string
	var names []string
	params := map[string]string{}
	for _, part := range parts {
		if part[0] == '-' { // GOMAXPROCS
			r.config["processors"] = string(part[1:])
			continue
		}
		key, value, ok := bytes.Cut(part[1:], []byte("="))
		if !ok {
			return fmt.Errorf("%s: %q is not key=value", record.Name, part)
		}
		if string(key) == w.subjectKey() {
			subject = string(value)
			continue
		}
		params[string(key)] = string(value)
		names = append(names, string(part[1:]))
	}
	if subject == "" {
		return fmt.Errorf("%s: the name has no %s", record.Name, w.subjectKey())
	}
	g := r.group(string(base), strings.Join(names, ", "), params)
	if g.subjects[subject] == nil {
		g.subjects[subject] = measured{}
	}
	for _, v := range record.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" { // benchfmt converts nanoseconds to seconds
			value, unit = v.OrigValue, v.OrigUnit
		}
		g.subjects[subject][unit] = append(g.subjects[subject][unit], value)
	}
	return nil
}

func (r *results) group(bench, name string, params map[string]string) *group {
	if g := r.find(bench, name); g != nil {
		return g
	}
	g := &group{bench: bench, name: name, params: params, subjects: map[string]measured{}}
	r.cases = append(r.cases, g)
	return g
}

// find returns the group with the given name, or nil.
func (r *results) find(bench, name string) *group {
	i := slices.IndexFunc(r.cases, func(g *group) bool { return g.bench == bench && g.name == name })
	if i < 0 {
		return nil
	}
	return r.cases[i]
}

// of returns the groups of a benchmark.
func (r *results) of(bench string) []*group {
	var gs []*group
	for _, g := range r.cases {
		if g.bench == bench {
			gs = append(gs, g)
		}
	}
	return gs
}

func findWork(bench string) *work {
	for i := range works {
		if works[i].bench == bench {
			return &works[i]
		}
	}
	return nil
}
