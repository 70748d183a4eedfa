// Package option provides functional options. An [Option] is a function that
// changes one part of a configuration and may return an error.
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
// A package that takes options usually names its own option type, with
// "type Option = option.Option[Config]", and exports one function for each
// option. [Join] combines several options into one, as a preset.
//
// # Guarantees
//
//  1. Options are applied in the order given. An error does not stop the ones
//     after it.
//  2. Every error is returned, not only the first one.
//  3. A nil option is an error that matches [ErrNil]. It does not panic.
//  4. Join(a, b) followed by c is the same as a followed by b followed by c.
//
// # Non-goals
//
// The package does not validate a configuration as a whole: do so after
// [Apply]. It does not undo the changes of the other options when one option
// fails. A plain struct with useful zero values is simpler: prefer it where it
// is enough.
package option
