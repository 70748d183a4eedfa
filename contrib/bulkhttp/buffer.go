package bulkhttp

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/bulklink/bulklink-go/bulk"
)

// serveBuffered calls the handler with a buffer, releases the slot, and then writes what
// is buffered.
func (h *handler) serveBuffered(w http.ResponseWriter, r *http.Request, slot bulk.Slot) {
	body, _ := h.buffers.Get().(*bytes.Buffer)
	if body == nil {
		body = new(bytes.Buffer)
	}
	// The buffer itself is not pooled: a handler may have passed it to a goroutine that
	// uses it later.
	b := &buffer{ResponseWriter: w, body: body, max: h.maxBuffered}
	h.next.ServeHTTP(withInterfaces(b), r)
	slot.Release()
	_ = b.stream() // an error means that the client left
	b.body = nil
	body.Reset()
	h.buffers.Put(body)
}

// buffer is a ResponseWriter that keeps the body of an answer until stream is called. It
// passes everything else on: a status does not reach the client before the body, because
// net/http writes both together.
type buffer struct {
	http.ResponseWriter
	body      *bytes.Buffer // nil after the handler has returned
	max       int
	status    int // 0: none yet
	declared  int // the Content-Length of the handler, or -1
	streaming bool
}

// Unwrap lets http.ResponseController reach the methods that buffer does not have.
func (b *buffer) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// WriteHeader passes the status on, and decides whether the body is buffered.
func (b *buffer) WriteHeader(status int) {
	b.ResponseWriter.WriteHeader(status)
	if b.status != 0 || status < 200 && status != http.StatusSwitchingProtocols {
		return // an informational status comes before the final one
	}
	b.status = status
	b.declared = -1
	if length := b.Header().Get("Content-Length"); length != "" {
		if n, err := strconv.Atoi(length); err == nil {
			b.declared = n
		}
	}
	// An answer that cannot fit is not copied. To one that has no body, Write returns an
	// error.
	if b.declared > b.max || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
		b.streaming = true
	}
}

// Write buffers p, or writes it directly if it does not fit.
func (b *buffer) Write(p []byte) (int, error) {
	if direct, err := b.prepare(len(p)); err != nil {
		return 0, err
	} else if direct {
		return b.ResponseWriter.Write(p)
	}
	return b.body.Write(p)
}

// WriteString is Write without a conversion.
func (b *buffer) WriteString(s string) (int, error) {
	if direct, err := b.prepare(len(s)); err != nil {
		return 0, err
	} else if direct {
		return io.WriteString(b.ResponseWriter, s)
	}
	return b.body.WriteString(s)
}

// ReadFrom buffers what src has, and one byte more than fits shows that it must be
// streamed. The ReadFrom method of the server then sends a file without a copy.
func (b *buffer) ReadFrom(src io.Reader) (n int64, err error) {
	if direct, err := b.prepare(0); err != nil {
		return 0, err
	} else if !direct {
		n, err = b.body.ReadFrom(io.LimitReader(src, int64(min(b.room(), math.MaxInt-1))+1))
		if err != nil || b.room() >= 0 {
			return n, err
		}
		if err := b.stream(); err != nil {
			return n, err
		}
	}
	rest, err := io.Copy(b.ResponseWriter, src)
	return n + rest, err
}

// prepare reports whether the next n bytes of the body must be written directly. It
// ends the buffering if they do not fit.
func (b *buffer) prepare(n int) (direct bool, err error) {
	if b.body == nil {
		return true, nil // a goroutine of the handler writes too late: the server decides
	}
	if b.status == 0 {
		b.WriteHeader(http.StatusOK)
	}
	if !b.streaming && n > b.room() {
		err = b.stream()
	}
	return b.streaming, err
}

// room returns how many bytes fit. Those beyond the length that the handler declared do
// not: the server decides about them.
func (b *buffer) room() int {
	if b.declared >= 0 {
		return min(b.max, b.declared) - b.body.Len()
	}
	return b.max - b.body.Len()
}

// stream writes what is buffered. What follows is written directly.
func (b *buffer) stream() error {
	if b.body == nil || b.streaming {
		return nil
	}
	b.streaming = true
	if b.body.Len() == 0 {
		return nil
	}
	_, err := b.ResponseWriter.Write(b.body.Bytes())
	return err
}
