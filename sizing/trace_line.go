package sizing

import (
	"bytes"
	"time"
)

// parseLine reads an operation in the very form in which WriteTo writes it, and reports
// whether the line has that form. It is for speed: parseOperation reads every form that is
// allowed, and takes ten times as long.
func parseLine(line []byte) (op Operation, ok bool) {
	l := scanner{rest: line, ok: true}
	l.need(`{"arrived_ns":`)
	op.Arrived = time.Duration(l.number())
	l.need(`,"slots":`)
	slots := l.number()
	op.Slots = int(slots)
	l.ok = l.ok && int64(op.Slots) == slots // not so where int has 32 bits
	op.Queued = l.has(`,"queued":true`)
	op.Wait = time.Duration(l.optional(`,"wait_ns":`))
	op.Hold = time.Duration(l.optional(`,"hold_ns":`))
	l.need(`,"outcome":"`)
	word, rest, _ := bytes.Cut(l.rest, []byte{'"'})
	l.ok = l.ok && op.Outcome.UnmarshalText(word) == nil
	l.rest = rest
	op.Limited = l.has(`,"limited":true`)
	op.Seq = uint64(l.optional(`,"seq":`))
	op.EndSeq = uint64(l.optional(`,"end_seq":`))
	l.need("}")
	return op, l.ok && len(l.rest) == 0
}

// scanner reads a line from the left. ok is false once something was not as expected.
type scanner struct {
	rest []byte
	ok   bool
}

func (l *scanner) has(text string) bool {
	if !bytes.HasPrefix(l.rest, []byte(text)) {
		return false
	}
	l.rest = l.rest[len(text):]
	return true
}

func (l *scanner) need(text string) { l.ok = l.has(text) && l.ok }

func (l *scanner) optional(name string) int64 {
	if !l.has(name) {
		return 0
	}
	return l.number()
}

// number reads a whole number, as JSON writes it.
func (l *scanner) number() int64 {
	negative := l.has("-")
	n, digits := int64(0), 0
	for digits < len(l.rest) && l.rest[digits] >= '0' && l.rest[digits] <= '9' {
		n = n*10 + int64(l.rest[digits]-'0')
		if digits++; digits > maxDigits {
			break
		}
	}
	l.ok = l.ok && digits > 0 && digits <= maxDigits && (digits == 1 || l.rest[0] != '0')
	l.rest = l.rest[min(digits, len(l.rest)):]
	if negative {
		return -n
	}
	return n
}

// maxDigits is how long a number may be so that it cannot overflow. Longer ones are left to
// parseOperation.
const maxDigits = 18
