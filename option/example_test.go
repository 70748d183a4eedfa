package option_test

import (
	"errors"
	"fmt"

	"github.com/bulklink/bulklink-go/option"
)

// Keep this in sync with the package documentation.
func Example() {
	type Server struct {
		addr  string
		debug bool
	}

	addr := func(a string) option.Option[Server] {
		return func(s *Server) error {
			if a == "" {
				return errors.New("empty address")
			}
			s.addr = a
			return nil
		}
	}
	debug := func(s *Server) error {
		s.debug = true
		return nil
	}

	var s Server
	err := option.Apply(&s, addr(":8080"), option.When(true, debug))
	fmt.Println(s.addr, s.debug, err)
	// Output:
	// :8080 true <nil>
}

// Pool is the configuration of the examples.
type Pool struct{ Size, Spare int }

// PoolOption names the option type of the package.
type PoolOption = option.Option[Pool]

// Size sets the size, which must be at least 1.
func Size(n int) PoolOption {
	return func(p *Pool) error {
		if n < 1 {
			return fmt.Errorf("size %d: must be at least 1", n)
		}
		p.Size = n
		return nil
	}
}

// Spare sets the number of spare connections.
func Spare(n int) PoolOption {
	return func(p *Pool) error {
		if n < 0 {
			return fmt.Errorf("spare %d: must not be negative", n)
		}
		p.Spare = n
		return nil
	}
}

// NewPool applies the options, then validates the configuration as a whole.
func NewPool(opts ...PoolOption) (*Pool, error) {
	p := Pool{Size: 1}
	if err := option.Apply(&p, opts...); err != nil {
		return nil, err
	}
	if p.Spare > p.Size {
		return nil, fmt.Errorf("spare %d: more than the size %d", p.Spare, p.Size)
	}
	return &p, nil
}

// A package declares its option type and one function for each option. Its
// constructor applies the options.
func ExampleOption() {
	p, err := NewPool(Size(10), Spare(2))
	fmt.Println(*p, err)
	// Output:
	// {10 2} <nil>
}

// Apply reports every error. A nil option is an error, not a panic.
func ExampleApply() {
	var p Pool
	fmt.Println(option.Apply(&p, Size(10), Spare(2), Size(20)), p)

	err := option.Apply(&p, Size(0), nil, Spare(-1))
	fmt.Println(err)
	fmt.Println(errors.Is(err, option.ErrNil))
	// Output:
	// <nil> {20 2}
	// size 0: must be at least 1
	// option: nil option (2 of 3)
	// spare -1: must not be negative
	// true
}

// An option after a preset overrides the value that the preset sets.
func ExampleJoin() {
	large := option.Join(Size(1000), Spare(100))
	p, err := NewPool(large, Spare(50))
	fmt.Println(*p, err)
	// Output:
	// {1000 50} <nil>
}
