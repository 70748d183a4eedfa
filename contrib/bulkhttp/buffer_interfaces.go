package bulkhttp

import (
	"bufio"
	"net"
	"net/http"
)

// FlushError sends what is buffered to the client. The slot is then held until the
// handler returns. It exists whether or not the server can flush, because
// http.ResponseController would otherwise flush the server and leave out the buffer.
func (b *buffer) FlushError() error {
	if canFlush(b.ResponseWriter) {
		if b.status == 0 {
			b.WriteHeader(http.StatusOK)
		}
		if err := b.stream(); err != nil {
			return err
		}
	}
	return http.NewResponseController(b.ResponseWriter).Flush()
}

func (b *buffer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := b.stream(); err != nil {
		return nil, nil, err
	}
	return http.NewResponseController(b.ResponseWriter).Hijack()
}

func (b *buffer) push(target string, opts *http.PushOptions) error {
	return b.ResponseWriter.(http.Pusher).Push(target, opts)
}

// A buffer has the optional interfaces of the writer behind it, and no others: handlers
// ask for them to decide what they can do. Each type has one pointer, so that it does not
// allocate.
type (
	flusher           struct{ *buffer }
	hijacker          struct{ *buffer }
	pusher            struct{ *buffer }
	flushHijacker     struct{ flusher }
	flushPusher       struct{ flusher }
	hijackPusher      struct{ hijacker }
	flushHijackPusher struct{ flushHijacker }
)

func (f flusher) Flush() { _ = f.FlushError() }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)      { return h.hijack() }
func (h flushHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.hijack() }

func (p pusher) Push(target string, o *http.PushOptions) error            { return p.push(target, o) }
func (p flushPusher) Push(target string, o *http.PushOptions) error       { return p.push(target, o) }
func (p hijackPusher) Push(target string, o *http.PushOptions) error      { return p.push(target, o) }
func (p flushHijackPusher) Push(target string, o *http.PushOptions) error { return p.push(target, o) }

// withInterfaces returns b with the optional interfaces of the writer behind it.
func withInterfaces(b *buffer) http.ResponseWriter {
	flush, hijack := canFlush(b.ResponseWriter), canHijack(b.ResponseWriter)
	_, push := b.ResponseWriter.(http.Pusher)
	switch {
	case flush && hijack && push:
		return flushHijackPusher{flushHijacker{flusher{b}}}
	case flush && hijack:
		return flushHijacker{flusher{b}}
	case flush && push:
		return flushPusher{flusher{b}}
	case hijack && push:
		return hijackPusher{hijacker{b}}
	case flush:
		return flusher{b}
	case hijack:
		return hijacker{b}
	case push:
		return pusher{b}
	}
	return b
}

// canFlush reports whether http.ResponseController can flush w.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch x := w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return false
		}
	}
}

// canHijack reports whether http.ResponseController can hijack w.
func canHijack(w http.ResponseWriter) bool {
	for {
		switch x := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return false
		}
	}
}
