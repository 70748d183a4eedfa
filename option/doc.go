// Package option provides functional options: values that each change one
// thing about a configuration, and may refuse to.
//
//	type Server struct {
//		addr  string
//		debug bool
//	}
//
//	addr := func(a string) option.Option[Server] {
//		return func(s *Server) error {
//			if a == "" {
//				return errors.New("empty address")
//			}
//			s.addr = a
//			return nil
//		}
//	}
//	debug := func(s *Server) error {
//		s.debug = true
//		return nil
//	}
//
//	var s Server
//	err := option.Apply(&s, addr(":8080"), option.When(true, debug))
//	fmt.Println(s.addr, s.debug, err)
//
// A package that takes options would name its own option type, with
// "type Option = option.Option[Config]", and export one function for each
// option. Users keep a few of them together as a preset with [Join].
//
// # What holds
//
//  1. Options are applied in the order in which they are given, all of them.
//  2. Every error is reported, not just the first one.
//  3. A nil option is an error that matches [ErrNil], never a panic.
//  4. Join(a, b) followed by c is the same as a followed by b followed by c.
//
// # What this package is not for
//
// It does not check a configuration as a whole: do that after [Apply]. It does
// not undo what options have changed when one fails. And where a plain struct
// with useful zero values will do, it is the simpler way.
package option
