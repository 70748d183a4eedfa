package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

func TestMemory(t *testing.T) {
	Test(t, func(*testing.T) Engine {
		m := new(fleet.Memory)
		return Engine{Store: m, Delete: deleteFrom(m), Wipe: func(context.Context) error {
			for budget := range budgetsOf(m) {
				m.Delete(budget)
			}
			return nil
		}}
	})
}

func deleteFrom(m *fleet.Memory) func(context.Context, string) error {
	return func(_ context.Context, budget string) error { m.Delete(budget); return nil }
}

// budgetsOf yields the budgets that the tests may have used.
func budgetsOf(*fleet.Memory) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range budgetsMade.Load() + 1 {
			if !yield(fmt.Sprintf("storetest-%s-%d", run, i)) {
				return
			}
		}
	}
}

// planted is a correct store, of which a test replaces a method by a wrong one.
type planted struct {
	*fleet.Memory
	load  func(ctx context.Context, budget string) ([]byte, uint64, error)
	swap  func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error)
	watch func(ctx context.Context, budget string, yield func(fleet.Update) bool)
	wipe  func()
	ended chan struct{} // closed after the test, for what a wrong method leaves behind
}

func (p *planted) Load(ctx context.Context, budget string) ([]byte, uint64, error) {
	if p.load != nil {
		return p.load(ctx, budget)
	}
	return p.Memory.Load(ctx, budget)
}

func (p *planted) CompareAndSwap(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
	if p.swap != nil {
		return p.swap(ctx, budget, record, revision)
	}
	return p.Memory.CompareAndSwap(ctx, budget, record, revision)
}

func (p *planted) Watch(ctx context.Context, budget string) iter.Seq[fleet.Update] {
	if p.watch != nil {
		return func(yield func(fleet.Update) bool) { p.watch(ctx, budget, yield) }
	}
	return p.Memory.Watch(ctx, budget)
}

// patch watches the correct store and changes each update, or drops it.
func (p *planted) patch(change func(fleet.Update) (fleet.Update, bool)) {
	p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
		for u := range p.Memory.Watch(ctx, budget) {
			if u, ok := change(u); ok && !yield(u) {
				return
			}
		}
	}
}

func TestEachPlantedFaultIsFound(t *testing.T) {
	unknown := errors.New("no answer")
	for _, f := range []struct {
		fault    string
		property string // that must not hold
		plant    func(*planted)
	}{
		{"a missing record is an error", "RecordThatDoesNotExistHasRevisionZero", func(p *planted) {
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				record, revision, err := p.Memory.Load(ctx, budget)
				if revision == 0 {
					err = unknown
				}
				return record, revision, err
			}
		}},
		{"any revision creates", "RecordThatDoesNotExistHasRevisionZero", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				if _, present, _ := p.Memory.Load(ctx, budget); present == 0 {
					revision = 0
				}
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
		}},
		{"an empty record is none", "WrittenRecordIsLoaded", func(p *planted) {
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				record, revision, err := p.Memory.Load(ctx, budget)
				if len(record) == 0 {
					return nil, 0, err
				}
				return record, revision, err
			}
		}},
		{"the record is a string that ends at a zero byte", "WrittenRecordIsLoaded", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				before, _, _ := strings.Cut(string(record), "\x00")
				return p.Memory.CompareAndSwap(ctx, budget, []byte(before), revision)
			}
		}},
		{"the record is not copied", "RecordIsCopied", func(p *planted) {
			kept := map[string][]byte{}
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				kept[budget] = record
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				_, revision, err := p.Memory.Load(ctx, budget)
				return kept[budget], revision, err
			}
		}},
		{"Load returns a cache", "RecordIsCopied", func(p *planted) {
			type entry struct {
				record   []byte
				revision uint64
			}
			cache := map[string]entry{}
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				record, revision, err := p.Memory.Load(ctx, budget)
				if e := cache[budget]; e.revision == revision {
					return e.record, revision, err
				}
				cache[budget] = entry{record, revision}
				return record, revision, err
			}
		}},
		{"revision 0 writes always", "OtherRevisionIsAConflict", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				if revision == 0 {
					_, revision, _ = p.Memory.Load(ctx, budget)
				}
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
		}},
		{"an older revision writes too", "OtherRevisionIsAConflict", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				if _, present, _ := p.Memory.Load(ctx, budget); revision != 0 && revision < present {
					revision = present
				}
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
		}},
		{"a conflict is another error", "OtherRevisionIsAConflict", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := p.Memory.CompareAndSwap(ctx, budget, record, revision)
				if errors.Is(err, fleet.ErrConflict) {
					err = errors.New(err.Error())
				}
				return next, err
			}
		}},
		{"a deleted record keeps its revision", "DeletedRecordIsCreatedAgain", func(p *planted) {
			last := map[string]uint64{}
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				record, revision, err := p.Memory.Load(ctx, budget)
				if revision == 0 {
					revision = last[budget]
				}
				last[budget] = revision
				return record, revision, err
			}
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := p.Memory.CompareAndSwap(ctx, budget, record, revision)
				last[budget] = max(next, last[budget])
				return next, err
			}
		}},
		{"the revision is the length of the history, which a deletion ends", "RevisionIsNeverUsedAgain", versions},
		{"check and write are not atomic", "OneOfManyWritersOfARevisionWins", unsteady},
		{"check and write are not atomic", "CounterOfManyWritersLosesNothing", unsteady},
		{"nobody wins a race", "OneOfManyWritersOfARevisionWins", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				if strings.Contains(string(record), "writer") {
					return 0, fleet.ErrConflict
				}
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
		}},
		{"Load lags one write behind", "LoadReturnsWhatAnotherClientWroteBefore", func(p *planted) {
			var before, now fleet.Update
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := p.Memory.CompareAndSwap(ctx, budget, record, revision)
				if err == nil {
					before, now = now, fleet.Update{Record: slices.Clone(record), Revision: next}
				}
				return next, err
			}
			p.load = func(context.Context, string) ([]byte, uint64, error) { return before.Record, before.Revision, nil }
		}},
		{"names have no case", "BudgetsDoNotDisturbEachOther", rename(strings.ToLower)},
		{"names have no space", "BudgetsDoNotDisturbEachOther", rename(strings.TrimSpace)},
		{"a slash becomes a dot", "BudgetsDoNotDisturbEachOther", rename(func(s string) string { return strings.ReplaceAll(s, "/", ".") })},
		{"names are valid UTF-8", "BudgetsDoNotDisturbEachOther", rename(func(s string) string { return strings.ToValidUTF8(s, "\ufffd") })},
		{"names are short", "BudgetsDoNotDisturbEachOther", reject(func(s string) error {
			if len(s) > 100 {
				return &bulk.ConfigError{Field: "budget", Value: s, Problem: "must have at most 100 bytes"}
			}
			return nil
		})},
		{"no name is rejected with a typed error", "BudgetsDoNotDisturbEachOther", reject(func(s string) error {
			if s == "" {
				return errors.New("bad request")
			}
			return nil
		})},
		{"the watch of a name that is not allowed waits", "BudgetsDoNotDisturbEachOther", func(p *planted) {
			reject(func(s string) error {
				if s == "" {
					return &bulk.ConfigError{Field: "budget", Value: s, Problem: "must not be empty"}
				}
				return nil
			})(p)
			p.watch = nil
		}},
		{"a large record is cut", "LargeRecordIsLoadedOrRejectedWhole", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				return p.Memory.CompareAndSwap(ctx, budget, record[:min(len(record), 1<<20)], revision)
			}
		}},
		{"a record that is too large is a conflict", "LargeRecordIsLoadedOrRejectedWhole", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				if len(record) > 1<<20 {
					return 0, fleet.ErrConflict
				}
				return p.Memory.CompareAndSwap(ctx, budget, record, revision)
			}
		}},
		{"the context does not matter", "EndedContextWritesNothing", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				return p.Memory.CompareAndSwap(context.WithoutCancel(ctx), budget, record, revision)
			}
		}},
		{"the error of the context is lost", "EndedContextWritesNothing", func(p *planted) {
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				record, revision, err := p.Memory.Load(ctx, budget)
				if err != nil {
					err = unknown
				}
				return record, revision, err
			}
		}},
		{"an abandoned write is a conflict", "AbandonedWriteIsWholeOrAbsent", func(p *planted) {
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := p.Memory.CompareAndSwap(context.WithoutCancel(ctx), budget, record, revision)
				time.Sleep(time.Millisecond)
				if ctx.Err() != nil {
					err = fleet.ErrConflict
				}
				return next, err
			}
		}},
		{"a watch begins with the next record", "WatchYieldsTheRecordThatExists", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				_, present, _ := p.Memory.Load(ctx, budget)
				for u := range p.Memory.Watch(ctx, budget) {
					if u.Revision != present && !yield(u) {
						return
					}
				}
			}
		}},
		{"a sequence can be used only once", "WatchYieldsTheRecordThatExists", func(p *planted) {
			used := map[string]int{}
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				if used[budget]++; used[budget] > 2 {
					<-ctx.Done()
					return
				}
				p.Memory.Watch(ctx, budget)(yield)
			}
		}},
		{"a watch drops what its buffer of ten cannot hold", "WatchYieldsTheNewestRecord", func(p *planted) {
			swap, buffer := p.Memory.CompareAndSwap, make(chan fleet.Update, 10)
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := swap(ctx, budget, record, revision)
				select {
				case buffer <- fleet.Update{Record: record, Revision: next}:
				default:
				}
				return next, err
			}
			p.watch = watchOf(buffer)
		}},
		{"a watch yields each record twice", "WatchNeverGoesBack", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				for u := range p.Memory.Watch(ctx, budget) {
					if once := yield(u); !once || !yield(u) {
						return
					}
				}
			}
		}},
		{"a watch yields the revision of another record", "WatchNeverGoesBack", func(p *planted) {
			p.patch(func(u fleet.Update) (fleet.Update, bool) { u.Revision++; return u, true })
		}},
		{"a watch does not yield deletions", "WatchYieldsADeletion", func(p *planted) {
			p.patch(func(u fleet.Update) (fleet.Update, bool) { return u, u.Revision != 0 })
		}},
		{"a deletion has the old revision", "WatchYieldsADeletion", func(p *planted) {
			last := uint64(0)
			p.patch(func(u fleet.Update) (fleet.Update, bool) {
				if u.Revision == 0 {
					u.Revision = last
				}
				last = u.Revision
				return u, true
			})
		}},
		{"a watch begins with a deletion that is over", "WatchYieldsADeletion", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				if _, revision, _ := p.Memory.Load(ctx, budget); revision != 0 || yield(fleet.Update{}) {
					p.Memory.Watch(ctx, budget)(yield)
				}
			}
		}},
		{"the end of one watch ends all", "WatchesAreIndependent", func(p *planted) {
			all, cancel := context.WithCancel(context.Background())
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				defer cancel()
				both, stop := context.WithCancel(ctx)
				defer stop()
				defer context.AfterFunc(all, stop)()
				for u := range p.Memory.Watch(both, budget) {
					if all.Err() != nil || !yield(u) { // stop may not have been called yet
						return
					}
				}
			}
		}},
		{"a watch sees other budgets", "WatchesAreIndependent", func(p *planted) {
			swap := p.Memory.CompareAndSwap
			common := make(chan fleet.Update, 100)
			p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
				next, err := swap(ctx, budget, record, revision)
				if err == nil {
					common <- fleet.Update{Record: record, Revision: next}
				}
				return next, err
			}
			p.watch = watchOf(common)
		}},
		{"a watch that waits does not hear its context", "WatchEndsWithItsContext", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				whole, cancel := context.WithCancel(context.Background())
				defer cancel()
				go func() { <-p.ended; cancel() }()
				p.Memory.Watch(whole, budget)(yield)
			}
		}},
		{"a watch leaves a goroutine", "EndedWatchesLeaveNoGoroutine", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				go func() { <-p.ended }()
				p.Memory.Watch(ctx, budget)(yield)
			}
		}},
		{"a watch that was left leaves a goroutine until its context ends", "EndedWatchesLeaveNoGoroutine", func(p *planted) {
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				go func() {
					select {
					case <-ctx.Done():
					case <-p.ended:
					}
				}()
				p.Memory.Watch(ctx, budget)(yield)
			}
		}},
		{"a wipe sets the revisions back", "WipedEngineAcceptsNoOldRevision", func(p *planted) {
			p.wipe = func() { p.Memory = new(fleet.Memory) }
		}},
		{"a watch waits for revisions that a wiped engine has not reached", "WatchContinuesOrEndsAfterAWipe", func(p *planted) {
			var mu sync.Mutex
			p.wipe = func() { mu.Lock(); defer mu.Unlock(); p.Memory = new(fleet.Memory) }
			p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
				mu.Lock()
				defer mu.Unlock()
				return p.Memory.Load(ctx, budget)
			}
			p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
				var seen uint64
				for ctx.Err() == nil {
					if record, revision, err := p.Load(ctx, budget); err == nil && revision > seen {
						if seen = revision; !yield(fleet.Update{Record: record, Revision: revision}) {
							return
						}
					}
					time.Sleep(time.Millisecond)
				}
			}
		}},
		{"a restart loses the record", "RestartedEngineHasTheRecord", func(*planted) {}},
	} {
		t.Run(f.fault+"/"+f.property, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &planted{Memory: new(fleet.Memory), ended: make(chan struct{})}
				defer close(p.ended)
				f.plant(p)
				deleteBudget := func(_ context.Context, budget string) error { p.Memory.Delete(budget); return nil }
				e := Engine{Store: p, Second: p, Delete: deleteBudget}
				e.Restart = func(context.Context) error { p.Memory = new(fleet.Memory); return nil }
				e.Wipe = func(context.Context) error { p.wipe(); return nil }
				ctx, cancel := context.WithCancel(t.Context())
				defer time.Sleep(time.Second) // the watches end
				defer cancel()
				err := propertyNamed(t, f.property).check(ctx, e)
				if err == nil {
					t.Fatal("was not found")
				}
				t.Log(err)
			})
		})
	}
}

func propertyNamed(t *testing.T, name string) property {
	t.Helper()
	i := slices.IndexFunc(properties, func(p property) bool { return p.name == name })
	if i < 0 {
		t.Fatalf("no property %s", name)
	}
	return properties[i]
}

// watchOf is a Watch that yields what arrives in a channel, of whatever budget.
func watchOf(updates <-chan fleet.Update) func(context.Context, string, func(fleet.Update) bool) {
	return func(ctx context.Context, _ string, yield func(fleet.Update) bool) {
		for {
			select {
			case u := <-updates:
				if !yield(u) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// versions gives each record the number of its writes since it was created.
func versions(p *planted) {
	p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
		record, _, err := p.Memory.Load(ctx, budget)
		if record == nil {
			return nil, 0, err
		}
		return record[1:], uint64(record[0]), err
	}
	p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
		_, version, _ := p.load(ctx, budget)
		if version != revision {
			return 0, fleet.ErrConflict
		}
		_, at, _ := p.Memory.Load(ctx, budget)
		_, err := p.Memory.CompareAndSwap(ctx, budget, append([]byte{byte(version + 1)}, record...), at)
		return version + 1, err
	}
}

// unsteady checks the revision, waits, and writes whatever the revision is then.
func unsteady(p *planted) {
	p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
		if _, present, _ := p.Memory.Load(ctx, budget); present != revision {
			return 0, fleet.ErrConflict
		}
		time.Sleep(time.Millisecond)
		_, present, _ := p.Memory.Load(ctx, budget)
		return p.Memory.CompareAndSwap(ctx, budget, record, present)
	}
}

// rename keeps the records under other names.
func rename(name func(string) string) func(*planted) {
	return func(p *planted) {
		p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
			return p.Memory.Load(ctx, name(budget))
		}
		p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
			return p.Memory.CompareAndSwap(ctx, name(budget), record, revision)
		}
		p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
			p.Memory.Watch(ctx, name(budget))(yield)
		}
	}
}

// reject rejects the names for which problem returns an error.
func reject(problem func(string) error) func(*planted) {
	return func(p *planted) {
		p.load = func(ctx context.Context, budget string) ([]byte, uint64, error) {
			if err := problem(budget); err != nil {
				return nil, 0, err
			}
			return p.Memory.Load(ctx, budget)
		}
		p.swap = func(ctx context.Context, budget string, record []byte, revision uint64) (uint64, error) {
			if err := problem(budget); err != nil {
				return 0, err
			}
			return p.Memory.CompareAndSwap(ctx, budget, record, revision)
		}
		p.watch = func(ctx context.Context, budget string, yield func(fleet.Update) bool) {
			if problem(budget) == nil {
				p.Memory.Watch(ctx, budget)(yield)
			}
		}
	}
}
