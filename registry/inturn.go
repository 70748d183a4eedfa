package registry

// forEachAlways calls f with one after the other. An event handler that f runs into may
// end this goroutine: then the others have their turn on the way out, so that
// what was begun is done for all.
func forEachAlways[T any](list []T, f func(T)) {
	next := 0
	defer func() {
		if next < len(list) {
			forEachAlways(list[next:], f)
		}
	}()
	for next < len(list) {
		next++
		f(list[next-1])
	}
}
