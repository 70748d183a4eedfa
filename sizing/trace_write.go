package sizing

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
)

// traceVersion is the version of the form of a trace.
const traceVersion = 1

// header is the first line.
type header struct {
	Trace    int           `json:"trace"` // the version
	Label    string        `json:"label"`
	Start    time.Time     `json:"start"`
	End      *time.Time    `json:"end,omitempty"`
	Closed   *time.Time    `json:"closed,omitempty"`
	Capacity bulk.Capacity `json:"capacity"`
}

func ifSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// WriteTo writes t as JSON Lines: a header, and then a line for each operation. It returns
// the number of bytes written. The error is that of w, or a [*TraceError] if t is not
// valid: then nothing is written.
//
//	{"trace":1,"label":"payments","start":"2026-01-02T03:04:05Z","end":"2026-01-02T03:04:06Z","capacity":{"parallelism":"unlimited","waiting_room":0}}
//	{"arrived_ns":1500000,"slots":1,"hold_ns":42000000,"outcome":"finished","seq":1,"end_seq":3}
//	{"arrived_ns":1700000,"slots":1,"queued":true,"wait_ns":250000000,"outcome":"expired","limited":true,"seq":2,"end_seq":4}
//
// The names are those of the fields of [Trace] and [Operation]; what is zero is left out,
// except arrived_ns and slots. Bytes of the label that are not UTF-8 become U+FFFD.
func (t Trace) WriteTo(w io.Writer) (int64, error) {
	if err := t.Validate(); err != nil {
		return 0, err
	}
	counted := &countingWriter{w: w}
	out := bufio.NewWriterSize(counted, 1<<16)
	line, err := json.Marshal(header{traceVersion, t.Label, t.Start, ifSet(t.End), ifSet(t.Closed), t.Capacity})
	if err != nil {
		return 0, &TraceError{Line: 1, Problem: "header", Err: err} // a year that RFC 3339 does not have
	}
	for i := 0; err == nil; i++ {
		_, err = out.Write(append(line, '\n'))
		if i == len(t.Operations) {
			break
		}
		line = t.Operations[i].append(line[:0])
	}
	if err == nil {
		err = out.Flush()
	}
	return counted.n, err
}

// append appends the operation as a line.
func (op *Operation) append(line []byte) []byte {
	number := func(name string, n int64) {
		line = append(line, name...)
		line = strconv.AppendInt(line, n, 10)
	}
	optional := func(name string, n uint64) {
		if n != 0 {
			line = append(line, name...)
			line = strconv.AppendUint(line, n, 10)
		}
	}
	number(`{"arrived_ns":`, int64(op.Arrived))
	number(`,"slots":`, int64(op.Slots))
	if op.Queued {
		line = append(line, `,"queued":true`...)
	}
	optional(`,"wait_ns":`, uint64(op.Wait))
	optional(`,"hold_ns":`, uint64(op.Hold))
	line = append(line, `,"outcome":"`...)
	line = append(line, op.Outcome.String()...)
	line = append(line, '"')
	if op.Limited {
		line = append(line, `,"limited":true`...)
	}
	optional(`,"seq":`, op.Seq)
	optional(`,"end_seq":`, op.EndSeq)
	return append(line, '}')
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
