package dashboard

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// finding is a finding of a report that is shown.
type finding struct {
	bulk.Finding
	seen time.Time // when it was last found
	hits uint16    // whether it was found in the last samples: the newest is the lowest bit
}

// momentary are the codes of findings that a healthy bulkhead can have for an instant.
var momentary = []bulk.Code{bulk.CodeWaitingRoomFull, bulk.CodeExecutionFull, bulk.CodeWaitingRoomNearFull}

// momentary returns 1 if f is such a finding, so that it comes after the others.
func (f finding) momentary() int {
	if slices.Contains(momentary, f.Code) {
		return 1
	}
	return 0
}

// A momentary finding counts as more than a notice if it was found in enough of the
// samples of the last ten seconds.
const (
	recentHits = 1<<10 - 1
	enoughHits = 3
)

// lingering is for how long a finding is shown after it was last found. Findings about
// the current state come and go with every sample, and the page would flicker.
const lingering = 10 * time.Second

// merge returns the findings to show: those found now, and those found shortly before,
// the worst first. often reports whether there are enough samples to tell a momentary
// finding from a lasting one.
func merge(shown []finding, found []bulk.Finding, at time.Time, often bool) []finding {
	merged := make([]finding, 0, len(found))
	for _, f := range found {
		merged = append(merged, finding{f, at, 1})
	}
	for _, old := range shown {
		again := slices.IndexFunc(merged, func(f finding) bool { return f.Code == old.Code })
		age := at.Sub(old.seen)
		switch {
		case again >= 0:
			merged[again].hits |= old.hits << 1
		case age >= 0 && age < lingering:
			old.hits <<= 1
			merged = append(merged, old)
		}
	}
	for i, f := range merged {
		if often && f.momentary() > 0 && bits.OnesCount16(f.hits&recentHits) < enoughHits {
			merged[i].Severity = bulk.SeverityNotice
		}
	}
	slices.SortStableFunc(merged, func(a, b finding) int {
		return cmp.Or(int(b.Severity)-int(a.Severity), a.momentary()-b.momentary())
	})
	return merged
}

// severityOf returns the highest severity of the findings.
func severityOf(findings []finding) bulk.Severity {
	highest := bulk.SeverityOK
	for _, f := range findings {
		highest = max(highest, f.Severity)
	}
	return highest
}

// shownFinding is a finding as the page gets it.
type shownFinding struct {
	Severity string   `json:"severity"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Ago      string   `json:"ago,omitempty"` // not found any more, but that long ago
	Actions  []string `json:"actions"`       // the sentences of the advice that no finding before has
}

// ago says how long ago the finding was last found, if that was not when the bulkhead was
// last judged.
func (f finding) ago(at, judged time.Time) string {
	if !f.seen.Before(judged) {
		return ""
	}
	return at.Sub(f.seen).Round(time.Second).String() + " ago"
}

func show(findings []finding, at, judged time.Time) []shownFinding {
	shown := make([]shownFinding, 0, len(findings))
	var said []string
	for _, f := range findings {
		actions := slices.DeleteFunc(sentences(f.Advice), func(a string) bool { return slices.Contains(said, a) })
		said = append(said, actions...)
		shown = append(shown, shownFinding{f.Severity.String(), title(f.Code), f.Message, f.ago(at, judged), actions})
	}
	return shown
}

// title returns the code in words: waiting_room_full is "Waiting room full".
func title(c bulk.Code) string {
	words := strings.ReplaceAll(string(c), "_", " ")
	if words == "" {
		return ""
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// sentences splits an advice, which has one action in each sentence.
func sentences(advice string) []string {
	parts := strings.SplitAfter(advice, ". ")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}
