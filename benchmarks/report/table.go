package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulklink/bulklink-go/benchmarks/peers"
)

// writeTables writes all results as Markdown.
func writeTables(w io.Writer, r *results) {
	fmt.Fprintf(w, "# Benchmarks\n\n%s\n\n", provenance(r))
	fmt.Fprintln(w, "Each figure is the median over all runs (work of a few nanoseconds is measured three times in each).\n"+
		"Spread is the 95 % confidence interval of that median. A ratio is Bulklink's median divided by that of the row:\n"+
		"below 1, Bulklink is faster or smaller. p is that of benchstat (Mann-Whitney U-test); a tilde means that the\n"+
		"difference is not significant. Gaps are abilities that the work needs and the row lacks, so its figure is for\n"+
		"less work. The heap holds 16 MB of other data, so that the garbage collector runs about as often as in a small\n"+
		"service. Raw results: [raw.txt](raw.txt), for `benchstat -col /peer raw.txt`.")
	writeTargets(w, r)
	for i := range works {
		if groups := r.of(works[i].bench); len(groups) > 0 {
			writeWork(w, &works[i], groups)
		}
	}
	writePeers(w)
}

// provenance describes the runs and the machine of the figures.
func provenance(r *results) string {
	machine := strings.Join(nonEmpty(r.config["cpu"], r.config["goos"]+"/"+r.config["goarch"], r.config["toolchain"]), ", ")
	return fmt.Sprintf("%s interleaved runs on %s processors of one machine: %s.", r.config["runs"], r.config["processors"], machine)
}

func nonEmpty(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return s == "" || s == "/" })
}

func writeWork(w io.Writer, k *work, groups []*group) {
	fmt.Fprintf(w, "\n## %s\n\n%s\n", k.title, k.text)
	for _, g := range groups {
		if g.name != "" {
			fmt.Fprintf(w, "\n**%s**\n", g.name)
		}
		writeGroup(w, k, g)
		if k.added != "" {
			writeAdded(w, k, g)
		}
	}
}

// writeAdded writes the differences between the figures of each subject and those of the
// subject k.added.
func writeAdded(w io.Writer, k *work, g *group) {
	without := g.subjects[k.added]
	head := []string{"added, µs"}
	for _, u := range k.units {
		head = append(head, strings.TrimSuffix(u.title, " ns"))
	}
	var rows [][]string
	for _, subject := range inOrder(g) {
		if subject == k.added {
			continue
		}
		row := []string{titleOf(subject)}
		for _, u := range k.units {
			with, without := g.subjects[subject][u.name], without[u.name]
			if len(with) == 0 || len(without) == 0 {
				row = append(row, "–")
				continue
			}
			c := compare(with, without)
			mark := ""
			if !c.significant {
				mark = "~ "
			}
			row = append(row, fmt.Sprintf("%s%+.0f (p=%.3f)", mark, (median(with)-median(without))/1e3, c.p))
		}
		rows = append(rows, row)
	}
	writeTable(w, head, rows)
}

func writeGroup(w io.Writer, k *work, g *group) {
	base := g.subjects[k.baseline()]
	head := []string{"", k.units[0].title, "spread", titleOf(k.baseline()) + " is"}
	for _, u := range k.units[1:] {
		head = append(head, u.title)
	}
	if k.needs != 0 {
		head = append(head, "gaps")
	}
	rows := [][]string{}
	for _, subject := range inOrder(g) {
		m := g.subjects[subject]
		main := m[k.units[0].name]
		row := []string{titleOf(subject), "–", "–", ""}
		if len(main) > 0 {
			row[1], row[2] = k.units[0].format(median(main)), spread(main)
			if subject != k.baseline() && len(base[k.units[0].name]) > 0 {
				row[3] = compare(base[k.units[0].name], main).String()
			}
		}
		for _, u := range k.units[1:] {
			cell := "–"
			if values := m[u.name]; len(values) > 0 {
				cell = u.format(median(values))
			}
			row = append(row, cell)
		}
		if k.needs != 0 {
			row = append(row, gapsOf(subject, k.needs))
		}
		rows = append(rows, row)
	}
	writeTable(w, head, rows)
}

func (u unit) format(v float64) string {
	if u.round {
		return thousands(v)
	}
	return digits(v)
}

// inOrder returns the subjects of a group: first the peers in the order of peers.All, then
// the others by name.
func inOrder(g *group) []string {
	var names []string
	for _, s := range peers.All() {
		if g.subjects[s.Name] != nil {
			names = append(names, s.Name)
		}
	}
	var others []string
	for name := range g.subjects {
		if !slices.Contains(names, name) {
			others = append(others, name)
		}
	}
	slices.Sort(others)
	return append(names, others...)
}

// writePeers writes the abilities of each peer.
func writePeers(w io.Writer) {
	fmt.Fprintf(w, "\n## Abilities\n\nTests check the abilities marked “yes” and the missing ones, as far as behavior shows them.\n")
	all := peers.All()
	head := []string{""}
	for _, s := range all {
		head = append(head, s.Title)
	}
	var rows [][]string
	for ability, words := range peers.Each {
		row := []string{words}
		for _, s := range all {
			row = append(row, yesNo(s.Has&ability != 0))
		}
		rows = append(rows, row)
	}
	writeTable(w, head, rows)
	fmt.Fprintln(w)
	for _, s := range all {
		if s.Note != "" {
			fmt.Fprintf(w, "- %s: %s.\n", s.Title, s.Note)
		}
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "–"
}

// writeTable writes a Markdown table. The first column and the gaps are aligned left, the
// other columns right.
func writeTable(w io.Writer, head []string, rows [][]string) {
	fmt.Fprintf(w, "\n| %s |\n|", strings.Join(head, " | "))
	for i, h := range head {
		if i == 0 || h == "gaps" {
			fmt.Fprint(w, "---|")
		} else {
			fmt.Fprint(w, "---:|")
		}
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}
