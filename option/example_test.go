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

// Pool is what the examples configure.
type Pool struct{ Size, Spare int }

// PoolOption is the name that a package gives to its own kind of options.
type PoolOption = option.Option[Pool]

// Size is how such a package offers an option.
func Size(n int) PoolOption {
	return func(p *Pool) error {
		if n < 1 {
			return fmt.Errorf("size %d: must be at least 1", n)
		}
		p.Size = n
		return nil
	}
}

// Spare is another one.
func Spare(n int) PoolOption {
	return func(p *Pool) error {
		if n < 0 {
			return fmt.Errorf("spare %d: must not be negative", n)
		}
		p.Spare = n
		return nil
	}
}

// NewPool is where the options end up. The whole is checked after them.
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

func ExampleOption() {
	p, err := NewPool(Size(10), Spare(2))
	fmt.Println(*p, err)
	// Output:
	// {10 2} <nil>
}

func ExampleApply() {
	var p Pool
	fmt.Println(option.Apply(&p, Size(10), Spare(2), Size(20)), p)
	fmt.Println(option.Apply(&p, Size(0), Spare(-1)))
	// Output:
	// <nil> {20 2}
	// size 0: must be at least 1
	// spare -1: must not be negative
}

// What a preset sets can be set again after it.
func ExampleJoin() {
	large := option.Join(Size(1000), Spare(100))
	p, err := NewPool(large, Spare(50))
	fmt.Println(*p, err)
	// Output:
	// {1000 50} <nil>
}

func ExampleWhen() {
	for _, production := range []bool{false, true} {
		p, err := NewPool(Size(10), option.When(production, Spare(2)))
		fmt.Println(*p, err)
	}
	// Output:
	// {10 0} <nil>
	// {10 2} <nil>
}

func ExampleErrNil() {
	_, err := NewPool(Size(10), nil)
	fmt.Println(err)
	fmt.Println(errors.Is(err, option.ErrNil))
	// Output:
	// option: nil option (2 of 2)
	// true
}
