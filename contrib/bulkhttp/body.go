package bulkhttp

import (
	"io"
	"net/http"
)

// body is the body of a response. Its methods may be called after its end, because a slot
// may be released repeatedly.
type body struct {
	io.ReadCloser
	sent sent
	stop func() bool // stops the release when the context ends
}

// Read releases the slot at the end of the body, and after an error.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil { // io.EOF, or an error after which the body yields no more data
		b.release()
	}
	return n, b.sent.error(err)
}

// Close closes the body and releases the slot.
func (b *body) Close() error {
	defer b.release()
	return b.sent.error(b.ReadCloser.Close())
}

func (b *body) release() {
	b.stop()
	b.sent.slot.Release()
}

// connection is the body of a response with status 101 Switching Protocols. It can be
// written to, and it outlives the context of the request. Only Close releases its slot,
// because one direction can end before the other.
type connection struct {
	io.ReadWriteCloser
	sent sent
}

// Read reads from the connection. It never releases the slot.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	return n, c.sent.error(err)
}

// Write writes to the connection. It never releases the slot.
func (c *connection) Write(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Write(p)
	return n, c.sent.error(err)
}

// Close closes the connection and releases the slot.
func (c *connection) Close() error {
	defer c.sent.slot.Release()
	return c.sent.error(c.ReadWriteCloser.Close())
}

// CloseWrite closes the writing direction only. httputil.ReverseProxy uses it.
func (c *connection) CloseWrite() error {
	if half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
