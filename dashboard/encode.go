package dashboard

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// encoder writes the messages for the live pages, as JSON. A sample is encoded once for
// all viewers of the list: only the rows that have changed, and of these only the texts,
// bars and sort keys that have changed. Messages are
//
//	{"n": second, "at": "15:04:05 UTC", "counts": [ok, notice, warning, critical],
//	 "rows": [{"id": 7, "label": "payments", "kind": "bulkhead",    label and kind: new rows only
//	           "f": [index, text, …], "b": bars, "k": sort keys, "p": point}],
//	 "cards": [details of the worst], "gone": [id], "said": [sentence],
//	 "keys": [line of the busiest keys]}                            the page of a Keyed only, every few seconds
type encoder struct {
	wanted bool // there are viewers
	at     time.Time
	second int64
	rows   []byte
	gone   []uint64
	said   []string // changes of severity
}

// cardCount is how many of the worst bulkheads are shown in detail on the list.
const cardCount = 8

func (e *encoder) begin(at time.Time, second int64, wanted bool) {
	*e = encoder{wanted: wanted, at: at, second: second, rows: e.rows[:0], gone: e.gone[:0], said: e.said[:0]}
}

// row adds what has changed since the old view.
func (e *encoder) row(t *track, old view, known bool) {
	if !e.wanted {
		return
	}
	e.rows = appendRow(e.rows, t, old, !known)
	if before := old.fields[fieldSeverity]; known && before != t.view.fields[fieldSeverity] {
		e.say(t)
	}
}

// say adds a sentence about a new severity, for screen readers.
func (e *encoder) say(t *track) {
	text := t.label() + " is " + t.view.fields[fieldSeverity]
	if p := t.view.fields[fieldProblems]; p != "" {
		text += ": " + p
	}
	e.said = append(e.said, text)
}

func (e *encoder) remove(id uint64) { e.gone = append(e.gone, id) }

// end sends the sample to the viewers. The lock of s is held.
func (e *encoder) end(s *sampler) {
	if !e.wanted {
		return
	}
	details := make(map[uint64][]byte) // messages for the pages of one bulkhead
	var list []byte
	for v := range s.viewers {
		if v.id == 0 {
			if list == nil {
				list = event("sample", s.listMessage(e.rows, e.gone, e.said))
			}
			v.send(s, list)
			continue
		}
		if details[v.id] == nil {
			details[v.id] = event("sample", s.detailMessage(v.id))
		}
		v.send(s, details[v.id])
	}
}

// listMessage returns a message for the list.
func (s *sampler) listMessage(rows []byte, gone []uint64, said []string) []byte {
	m := s.appendHead(make([]byte, 0, len(rows)+4096))
	m = append(m, `,"rows":[`...)
	m = append(m, rows...)
	m = append(m, `],"cards":[`...)
	for i, t := range s.worst(cardCount) {
		if i > 0 {
			m = append(m, ',')
		}
		m = append(m, t.details()...)
	}
	m = append(m, ']')
	if len(gone) > 0 {
		m = append(append(m, `,"gone":`...), mustJSON(gone)...)
	}
	if len(said) > 3 {
		said = []string{fmt.Sprintf("%d bulkheads have changed. The first: %s", len(said), said[0])}
	}
	if len(said) > 0 {
		m = append(append(m, `,"said":`...), mustJSON(said)...)
	}
	return append(m, '}')
}

// detailMessage returns a message for the page of one bulkhead.
func (s *sampler) detailMessage(id uint64) []byte {
	m := s.appendHead(nil)
	t, ok := s.tracks[id]
	if !ok {
		return append(m, fmt.Sprintf(`,"rows":[],"cards":[],"gone":[%d]}`, id)...)
	}
	m = append(m, `,"rows":[`...)
	m = appendRow(m, t, view{}, true)
	m = append(m, `],"cards":[`...)
	m = append(m, t.details()...)
	m = append(m, ']')
	if t.now.lines != nil {
		m = append(append(m, `,"keys":`...), mustJSON(t.now.lines)...)
	}
	return append(m, '}')
}

// stateMessage returns everything that a page shows, for a new viewer.
func (s *sampler) stateMessage(id uint64) []byte {
	if id != 0 {
		return s.detailMessage(id)
	}
	var rows []byte
	for _, t := range s.order {
		rows = appendRow(rows, t, view{}, true)
	}
	return s.listMessage(rows, nil, nil)
}

func (s *sampler) appendHead(m []byte) []byte {
	return fmt.Appendf(m, `{"n":%d,"at":%q,"counts":%s`, s.events.second, clock(s.at), mustJSON(s.counts()))
}

// worst returns the bulkheads that have a warning or worse, the worst first, up to most of
// them.
func (s *sampler) worst(most int) []*track {
	n := 0
	for n < min(most, len(s.order)) && s.order[n].severity() >= bulk.SeverityWarning {
		n++
	}
	return s.order[:n]
}

// appendRow appends what is different from the old view, after a comma if another row is
// before it.
func appendRow(m []byte, t *track, old view, isNew bool) []byte {
	if len(m) > 0 && m[len(m)-1] == '}' {
		m = append(m, ',')
	}
	m = append(m, `{"id":`...)
	m = strconv.AppendUint(m, t.id, 10)
	if isNew {
		m = append(append(m, `,"label":`...), mustJSON(t.label())...)
		m = append(append(m, `,"kind":"`...), t.kind()...)
		m = append(m, '"')
	}
	m = append(m, `,"f":[`...)
	begin := len(m)
	for i, text := range t.view.fields {
		if text == old.fields[i] {
			continue
		}
		if len(m) > begin {
			m = append(m, ',')
		}
		m = append(strconv.AppendInt(m, int64(i), 10), ',')
		m = append(append(append(m, '"'), text...), '"') // no field has characters that need an escape
	}
	m = append(m, ']')
	if isNew || t.view.bars != old.bars {
		m = appendNumbers(append(m, `,"b":`...), t.view.bars[:])
	}
	if isNew || t.view.keys != old.keys {
		m = appendNumbers(append(m, `,"k":`...), t.view.keys[:])
	}
	m = append(m, `,"p":`...)
	m = appendPoint(m, t.history.at(t.history.last))
	return append(m, '}')
}

func appendNumbers(m []byte, numbers []float64) []byte {
	m = append(m, '[')
	for i, x := range numbers {
		if i > 0 {
			m = append(m, ',')
		}
		m = appendNumber(m, x)
	}
	return append(m, ']')
}

// appendNumber appends x in a short form. What JSON cannot express is null.
func appendNumber(m []byte, x float64) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return append(m, "null"...)
	}
	if x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return strconv.AppendInt(m, int64(x), 10)
	}
	return strconv.AppendFloat(m, x, 'g', 4, 64)
}

func appendPoint(m []byte, p point) []byte {
	m = append(m, '[')
	for i, x := range p {
		if i > 0 {
			m = append(m, ',')
		}
		m = appendNumber(m, float64(x))
	}
	return append(m, ']')
}

// details returns what the card of t shows besides the texts of its row.
func (t *track) details() []byte {
	var panels []panel
	for _, p := range t.now.panels {
		panels = append(panels, p())
	}
	changes := make([]shownChange, len(t.resized))
	for i, r := range t.resized {
		changes[i] = r.show()
	}
	return mustJSON(struct {
		ID       uint64         `json:"id"`
		Findings []shownFinding `json:"findings"`
		Changes  []shownChange  `json:"changes"`
		Panels   []panel        `json:"panels,omitempty"`
	}{t.id, t.view.findings, changes, panels})
}

// shownChange is a change of a capacity as the page gets it.
type shownChange struct {
	At   string `json:"at"`
	Text string `json:"text"`
}

func (r resized) show() shownChange {
	text := changeOf(r.from, r.to)
	if r.reason != "" {
		text += ": " + r.reason
	}
	return shownChange{clock(r.at), text}
}

// clock returns the time of day.
func clock(at time.Time) string { return at.Format("15:04:05 MST") }

// mustJSON returns v as JSON. v is of a type that has no error.
func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// event returns data as a Server-Sent Event. data has no line end, because in JSON it is
// escaped.
func event(name string, data []byte) []byte {
	return slices.Concat([]byte("event: "+name+"\ndata: "), data, []byte("\n\n"))
}
