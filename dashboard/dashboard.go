package dashboard

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/option"
)

// Option configures a page in [New].
type Option = option.Option[Config]

// Config is what an [Option] changes. It is opaque: use the options of this package.
type Config struct {
	sources   []readable
	authorize func(*http.Request) bool
	onChange  func(Change)
}

// Show adds sources to the page. [New] panics if a source is nil or of an unknown type.
func Show(sources ...Source) Option {
	return func(c *Config) error {
		var errs []error
		for _, s := range sources {
			r, err := asReadable(s)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			c.sources = append(c.sources, r)
		}
		return errors.Join(errs...)
	}
}

// AllowChanges adds a form for the capacity of each bulkhead and Keyed: its parallelism,
// with pause and resume, waiting room, wait limit and delay control. Without this option
// nothing can be changed.
//
// authorize is called with each request that shows the form or changes something. If it
// returns false, the form is not shown and the change is rejected with status 403. It must
// not read the body of the request.
//
// A change is confirmed on a page that shows the capacity before and after it. It is
// rejected with status 409 if the capacity has changed meanwhile. A pause is not rejected
// for that reason. An adaptive limiter and a fleet change the parallelism all the time: a
// change of their bulkhead is rejected only if it changes the waiting room or a limit on
// waiting, and that has another value meanwhile, or if it sets a parallelism above 0 and
// the bulkhead was paused after the page was shown.
//
// Requests from other sites are rejected: see [http.CrossOriginProtection]. A Keyed that is
// only known as a member of a registry cannot be changed: give it to [Keyed] too.
func AllowChanges(authorize func(*http.Request) bool) Option {
	return func(c *Config) error {
		if authorize == nil {
			return errors.New("AllowChanges: authorize must not be nil")
		}
		c.authorize = authorize
		return nil
	}
}

// OnChange sets a function that is called after each change that was made with the page,
// on the goroutine of the request, before the answer. Use it for an audit log.
func OnChange(f func(Change)) Option {
	return func(c *Config) error {
		if f == nil {
			return errors.New("OnChange: f must not be nil")
		}
		c.onChange = f
		return nil
	}
}

// Change is a change of a capacity that was made with the page.
type Change struct {
	// Request is the request that made the change. Its body has been read.
	Request *http.Request
	// At is the time of the change.
	At time.Time
	// ID is that of the bulkhead or the Keyed: see [bulk.Status].
	ID uint64
	// Label is its label.
	Label string
	// From is the capacity before the change. That of a Keyed is the common capacity.
	From bulk.Capacity
	// To is the capacity after the change. A member of a fleet has at most its share, so
	// that To can have fewer slots than were entered, and the same as From.
	To bulk.Capacity
}

// Handler returns a page that shows the sources, read-only. It is New(Show(sources...)).
func Handler(sources ...Source) http.Handler { return New(Show(sources...)) }

// New returns a page. Its methods may be called concurrently. New panics if a source is nil
// or of an unknown type, or if an option is not allowed.
//
// The handler can be mounted at any path that ends with a slash, with or without
// [http.StripPrefix]. It redirects from the path without the slash. It answers these
// paths, relative to where it is mounted:
//
//	(empty)                    the page: HTML, text or JSON
//	?id=7                      the same for one bulkhead or Keyed
//	?q=pay                     the same for those whose label contains "pay"
//	?sort=label                the order of the table: worst, label, arrivals, rejected, wait or use
//	?format=html, text, json   the form; without it the Accept header says it, and curl gets text
//	events history             data for the page
//	change                     the form of AllowChanges
//	style.css icon.svg live.js charts.js details.js table.js
func New(opts ...Option) http.Handler {
	var c Config
	if err := option.Apply(&c, opts...); err != nil {
		panic(fmt.Sprintf("dashboard: %v", err))
	}
	d := &dashboard{Config: c, instance: rand.Text(), sampler: newSampler(c.sources)}
	d.crossOrigin = http.NewCrossOriginProtection()
	return d
}

// dashboard is the handler.
type dashboard struct {
	Config
	instance    string // tells the pages when they talk to another process
	sampler     *sampler
	crossOrigin *http.CrossOriginProtection
	shutdowns   shutdowns
}

// find returns the track with the ID.
func (s *sampler) find(id uint64) (*track, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tracks[id]
	return t, ok
}
