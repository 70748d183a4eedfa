package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/fleet"
)

func absent(ctx context.Context, e Engine) error {
	budget := newBudget()
	if err := has(ctx, e.Store, budget, "", 0); err != nil {
		return err
	}
	for _, revision := range []uint64{1, 2, 1 << 40, 1<<64 - 1} {
		if err := isConflict(ctx, e.Store, budget, revision); err != nil {
			return fmt.Errorf("no record: %w", err)
		}
	}
	return has(ctx, e.Second, budget, "", 0)
}

// written also writes an empty record, which is a record.
func written(ctx context.Context, e Engine) error {
	budget := newBudget()
	var revision uint64
	for _, record := range []string{"one", "", "{}", "\x00\xff\n", "one"} {
		var err error
		if revision, err = write(ctx, e.Store, budget, record, revision); err != nil {
			return err
		}
		for _, s := range []fleet.Store{e.Store, e.Second} {
			if err := has(ctx, s, budget, record, revision); err != nil {
				return err
			}
		}
	}
	return nil
}

// copied changes the bytes that it gave to the store, and those that it got from it.
func copied(ctx context.Context, e Engine) error {
	budget := newBudget()
	record := []byte("unchanged")
	revision, err := e.Store.CompareAndSwap(ctx, budget, record, 0)
	if err != nil {
		return err
	}
	clear(record)
	if err := has(ctx, e.Store, budget, "unchanged", revision); err != nil {
		return fmt.Errorf("after a change of the bytes that were given to CompareAndSwap: %w", err)
	}
	loaded, _, err := e.Store.Load(ctx, budget)
	if err != nil {
		return err
	}
	clear(loaded)
	if err := has(ctx, e.Store, budget, "unchanged", revision); err != nil {
		return fmt.Errorf("after a change of the bytes that Load returned: %w", err)
	}
	return nil
}

// hostile are names that some engines do not allow, or that some encodings make equal.
var hostile = []string{
	"a", "A", "a ", " a", "a.b", "a..b", ".a", "a.", ".", "..", "a/b", "/a", "a/", "/", "//",
	"a/record", "a/revision", "a%2Fb", "a=2Fb", "a%b", "a=b", "a_b", "a-b", "a+b", "a:b", "a\\b",
	"*", "a*", ">", "a.>", "a.*", "$", "$KV.a", "_", "-", "=", "%", "#", "?", "&", "'", `"`, "`",
	"\x00", "a\x00b", "\n", "a\r\nb", "\t", "\x7f", "ä", "a\u0308", "支付", "🚦", "\ufeff", "\ufffd", "\xff", "\xfe",
	strings.Repeat("n", 255), strings.Repeat("/", 255),
	"", strings.Repeat("m", 1<<12), strings.Repeat("ü", 1<<15),
}

// budgets gives each name a record of its own. A store may reject a name, but only with
// a *bulk.ConfigError, and then in each method.
func budgets(ctx context.Context, e Engine) error {
	type entry struct {
		budget, record string
		revision       uint64
	}
	var entries []entry
	for i, budget := range hostile {
		record := fmt.Sprintf("record %d of %s", i, run)
		_, revision, err := e.Store.Load(ctx, budget) // the engine may have it from an earlier run
		if err == nil {
			revision, err = e.Store.CompareAndSwap(ctx, budget, []byte(record), revision)
		}
		if err == nil {
			entries = append(entries, entry{budget, record, revision})
			continue
		}
		if 1 <= len(budget) && len(budget) <= 255 {
			return fmt.Errorf("record of budget %s: %w; a name of 1 to 255 bytes must be allowed", short(budget), err)
		}
		if err := rejects(ctx, e.Store, budget); err != nil {
			return fmt.Errorf("budget %s: %w", short(budget), err)
		}
	}
	for _, en := range entries {
		if err := has(ctx, e.Second, en.budget, en.record, en.revision); err != nil {
			return fmt.Errorf("budget %s: %w", short(en.budget), err)
		}
		w := watch(ctx, e.Second, en.budget)
		err := w.yields(en.record, en.revision)
		w.stop()
		if err != nil {
			return fmt.Errorf("budget %s: %w", short(en.budget), err)
		}
	}
	return nil
}

// rejects requires that each method rejects the name of a budget.
func rejects(ctx context.Context, s fleet.Store, budget string) error {
	_, _, loading := s.Load(ctx, budget)
	_, writing := s.CompareAndSwap(ctx, budget, nil, 0)
	for method, err := range map[string]error{"Store.CompareAndSwap": writing, "Store.Load": loading} {
		if config := (*bulk.ConfigError)(nil); !errors.As(err, &config) {
			return fmt.Errorf("%s: error %v (%T); want a *bulk.ConfigError if the name is not allowed", method, err, err)
		}
	}
	return within("the loop over Store.Watch of a name that is not allowed", func() {
		for range s.Watch(ctx, budget) {
		}
	})
}

// large writes a record of 256 kB, which is that of some thousand members, and then one
// that most engines do not accept.
func large(ctx context.Context, e Engine) error {
	budget := newBudget()
	random := rand.NewChaCha8([32]byte{1})
	record := make([]byte, 256<<10)
	random.Read(record)
	revision, err := write(ctx, e.Store, budget, string(record), 0)
	if err != nil {
		return err
	}
	if err := has(ctx, e.Second, budget, string(record), revision); err != nil {
		return err
	}
	tooLarge := bytes.Repeat(record, 64)
	next, err := e.Store.CompareAndSwap(ctx, budget, tooLarge, revision)
	if errors.Is(err, fleet.ErrConflict) {
		return fmt.Errorf("Store.CompareAndSwap of %d bytes: %w; that is another reason", len(tooLarge), err)
	}
	if err == nil {
		record, revision = tooLarge, next
	}
	if got, at, err := loadSoon(ctx, e.Store, budget); err != nil {
		return err
	} else if at != revision || got != string(record) {
		return fmt.Errorf("Store.Load returned %d bytes at revision %d after a record of %d bytes (%v); want %d bytes at %d", len(got), at, len(tooLarge), err, len(record), revision)
	}
	_, err = write(ctx, e.Store, budget, "small", revision)
	return err
}
