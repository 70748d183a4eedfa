package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
	"github.com/bulklink/bulklink-go/option"
)

// A payment provider that the examples call.
type (
	Receipt  struct{ Order string }
	provider struct{}
)

func (provider) Charge(_ context.Context, order string) (Receipt, error) { return Receipt{order}, nil }

var client provider

// Keep this in sync with the package documentation.
var payments = bulk.Must(bulk.New("payments", 10,
	bulk.WaitingRoom(50), bulk.WaitLimit(250*time.Millisecond)))

// Keep this in sync with the package documentation.
func Example() {
	ctx, order := context.Background(), "order 17"

	receipt, err := bulk.Run(ctx, payments, func(ctx context.Context) (Receipt, error) {
		return client.Charge(ctx, order)
	})
	if errors.Is(err, bulk.ErrOverload) {
		fmt.Println("not started: answer 503, try later, or do without")
	}
	fmt.Println(receipt, err)
	// Output:
	// {order 17} <nil>
}

// A preset for several bulkheads, and one that differs.
func Example_presets() {
	quick := option.Join(bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond))
	inventory := bulk.Must(bulk.New("inventory", 8, quick))
	search := bulk.Must(bulk.New("search", 4, quick, bulk.WaitingRoom(0)))

	for _, b := range []*bulk.Bulkhead{inventory, search} {
		fmt.Printf("%s %+v\n", b.Label(), b.Capacity())
	}
	// Output:
	// inventory {Parallelism:8 WaitingRoom:20 WaitLimit:100ms}
	// search {Parallelism:4 WaitingRoom:0 WaitLimit:100ms}
}

func ExampleNew() {
	b, err := bulk.New("inventory", 8, bulk.WaitingRoom(20), bulk.WaitLimit(time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.Label(), b.Capacity().Parallelism)

	_, err = bulk.New(" ", 0, bulk.WaitingRoom(-1))
	fmt.Println(err)
	// Output:
	// inventory 8
	// bulk: label " ": must not be empty or only spaces
	// bulk: parallelism 0: must be at least 1
	// bulk: waiting_room -1: must be 0 (nobody waits) or more
}

// At the top of a file it would read
//
//	var search = bulk.Must(bulk.New("search", 4))
func ExampleMust() {
	search := bulk.Must(bulk.New("search", 4))
	fmt.Println(search.Label())

	defer func() { fmt.Println("panic:", recover()) }()
	bulk.Must(bulk.New("search", 0))
	// Output:
	// search
	// panic: bulkhead "search": parallelism 0: must be at least 1
}

func ExampleWaitingRoom() {
	b := bulk.Must(bulk.New("search", 1, bulk.WaitingRoom(1)))
	slot, _ := b.TryAcquire()
	defer slot.Release()

	// The slot is taken. This one waits, in vain.
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := b.Acquire(ctx)
	fmt.Println(b.Status().Totals.Queued, errors.Is(err, context.DeadlineExceeded))
	// Output:
	// 1 true
}

func ExampleWaitLimit() {
	b := bulk.Must(bulk.New("search", 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Millisecond)))
	slot, _ := b.TryAcquire()
	defer slot.Release()

	_, err := b.Acquire(context.Background())
	fmt.Println(err)
	// Output:
	// bulkhead "search": expired after 1ms: 1/1 slots in use, 0/1 waiting
}

func ExampleOption() {
	var quick bulk.Option = option.Join(bulk.WaitingRoom(20), bulk.WaitLimit(100*time.Millisecond))
	b := bulk.Must(bulk.New("search", 4, quick))
	fmt.Println(b.Capacity().WaitingRoom, b.Capacity().WaitLimit)
	// Output:
	// 20 100ms
}

// An option of one's own refuses what this program should never do.
func ExampleConfig() {
	roomFor := func(seconds, perSecond int) bulk.Option {
		return func(c *bulk.Config) error {
			if seconds > 10 {
				return fmt.Errorf("nobody waits for %d s", seconds)
			}
			return bulk.WaitingRoom(seconds * perSecond)(c)
		}
	}
	b, err := bulk.New("search", 4, roomFor(2, 30))
	fmt.Println(b.Capacity().WaitingRoom, err)
	_, err = bulk.New("search", 4, roomFor(60, 30))
	fmt.Println(errors.Is(err, bulk.ErrConfig), strings.Contains(err.Error(), "nobody waits for 60 s"))
	// Output:
	// 60 <nil>
	// true true
}

func ExampleConfigError() {
	_, err := bulk.New("search", -2)
	var e *bulk.ConfigError
	if errors.As(err, &e) {
		fmt.Println(e.Field, e.Value, e.Problem)
	}
	// Output:
	// parallelism -2 must be at least 1
}

func ExampleConfigError_Error() {
	err := bulk.Capacity{Parallelism: 4, WaitLimit: -time.Second}.Validate()
	fmt.Println(err)
	// Output:
	// bulk: wait_limit -1s: must be 0 (no limit) or more
}

func ExampleConfigError_Is() {
	_, err := bulk.New("search", 0)
	fmt.Println(errors.Is(err, bulk.ErrConfig))
	// Output:
	// true
}

func ExampleConfigError_Unwrap() {
	_, err := bulk.New("search", 4, nil)
	fmt.Println(errors.Is(err, option.ErrNil))
	// Output:
	// true
}

func ExampleErrConfig() {
	b := bulk.Must(bulk.New("search", 4))
	_, err := b.AcquireN(context.Background(), 0)
	fmt.Println(errors.Is(err, bulk.ErrConfig), err)
	// Output:
	// true bulk: slots 0: must be at least 1
}

func ExampleCapacity() {
	b := bulk.Must(bulk.New("search", 4))
	fmt.Println(b.SetCapacity(bulk.Capacity{Parallelism: 4, WaitingRoom: 20, WaitLimit: time.Second}))
	fmt.Printf("%+v\n", b.Capacity())
	// Output:
	// <nil>
	// {Parallelism:4 WaitingRoom:20 WaitLimit:1s}
}

func ExampleCapacity_Validate() {
	fmt.Println(bulk.Capacity{Parallelism: 4}.Validate())
	fmt.Println(bulk.Capacity{WaitingRoom: -1}.Validate())
	// Output:
	// <nil>
	// bulk: parallelism 0: must be at least 1
	// bulk: waiting_room -1: must be 0 (nobody waits) or more
}

func ExampleRun() {
	ctx := context.Background()
	inventory := bulk.Must(bulk.New("inventory", 2, bulk.WaitingRoom(10)))

	count, err := bulk.Run(ctx, inventory, func(context.Context) (int, error) {
		return 12, nil // what the warehouse says
	}, deadline.Within(50*time.Millisecond), deadline.Reserve(20*time.Millisecond))
	fmt.Println(count, err)
	// Output:
	// 12 <nil>
}

// What can be done without is turned away when there is no slot for it at once.
func ExampleRun_fallback() {
	search := bulk.Must(bulk.New("search", 1))
	slot, _ := search.TryAcquire() // somebody is searching
	defer slot.Release()

	hits, err := bulk.Run(context.Background(), search, func(context.Context) ([]string, error) {
		return []string{"lamp", "lampshade"}, nil
	}, deadline.NoWait())
	if errors.Is(err, bulk.ErrOverload) {
		hits = []string{"lamp (from the cache)"}
	}
	fmt.Println(hits)
	// Output:
	// [lamp (from the cache)]
}

// A report costs the warehouse as much as three lookups.
func ExampleRunN() {
	ctx := context.Background()
	inventory := bulk.Must(bulk.New("inventory", 4))
	report := func(context.Context) (string, error) { return "12 lamps, 3 chairs", nil }

	fmt.Println(bulk.RunN(ctx, inventory, 3, report))
	lookups, _ := inventory.TryAcquireN(2)
	defer lookups.Release()
	_, err := bulk.RunN(ctx, inventory, 3, report) // two slots are free: not enough
	fmt.Println(err)
	// Output:
	// 12 lamps, 3 chairs <nil>
	// bulkhead "inventory": saturated: 2/4 slots in use, 0/0 waiting
}

func ExampleDo() {
	mail := bulk.Must(bulk.New("mail", 3, bulk.WaitingRoom(100)))
	err := bulk.Do(context.Background(), mail, func(context.Context) error {
		fmt.Println("sent")
		return nil
	})
	fmt.Println(err)
	// Output:
	// sent
	// <nil>
}

func ExampleGuard() {
	stock := func(context.Context) (int, error) { return 12, nil }
	inventory := bulk.Must(bulk.New("inventory", 2, bulk.WaitingRoom(10)))

	guarded := bulk.Guard(inventory, deadline.Timeout(time.Second, stock), deadline.Within(50*time.Millisecond))
	fmt.Println(guarded(context.Background()))
	fmt.Println(inventory.Status().Totals.Finished)
	// Output:
	// 12 <nil>
	// 1
}

func ExampleGuard1() {
	charge := bulk.Guard1(payments, client.Charge, deadline.Within(100*time.Millisecond))
	fmt.Println(charge(context.Background(), "order 18"))
	// Output:
	// {order 18} <nil>
}

func ExampleGuardDo() {
	mail := bulk.Must(bulk.New("mail", 1))
	send := bulk.GuardDo(mail, func(context.Context) error {
		fmt.Println("sent")
		return nil
	})
	fmt.Println(send(context.Background()))
	_ = mail.Close()
	fmt.Println(send(context.Background()))
	// Output:
	// sent
	// <nil>
	// bulkhead "mail": closed
}

func ExampleMap() {
	inventory := bulk.Must(bulk.New("inventory", 4))
	articles := slices.Values([]string{"lamp", "chair", "unicorn", "table"})

	stock := func(_ context.Context, article string) (int, error) {
		if article == "unicorn" {
			return 0, errors.New("no such article")
		}
		return len(article), nil
	}
	for article, r := range bulk.Map(context.Background(), inventory, articles, stock) {
		if n, err := r.Get(); err != nil {
			fmt.Println(article, err)
		} else {
			fmt.Println(article, n)
		}
	}
	// Output:
	// lamp 4
	// chair 5
	// unicorn no such article
	// table 5
}

// A loop that has seen enough stops the rest.
func ExampleMap_stop() {
	search := bulk.Must(bulk.New("search", 2))
	shops := slices.Values([]string{"north", "south", "east", "west"})

	find := func(_ context.Context, shop string) (bool, error) { return shop == "south", nil }
	for shop, r := range bulk.Map(context.Background(), search, shops, find) {
		if r.Or(false) {
			fmt.Println("found in the", shop)
			break
		}
	}
	fmt.Println(search.Status().InFlight, "in flight")
	// Output:
	// found in the south
	// 0 in flight
}

func ExampleBulkhead() {
	ctx := context.Background()
	search := bulk.Must(bulk.New("search", 2, bulk.WaitingRoom(10), bulk.WaitLimit(time.Second)))

	for _, words := range []string{"lamp", "chair"} {
		hits, err := bulk.Run(ctx, search, func(context.Context) (string, error) {
			return "a " + words, nil
		})
		fmt.Println(hits, err)
	}
	fmt.Println(search.Shutdown(ctx))
	// Output:
	// a lamp <nil>
	// a chair <nil>
	// <nil>
}

// A download holds its slot until the body is read, which is long after the
// function that began it has returned.
func ExampleBulkhead_Acquire() {
	files := bulk.Must(bulk.New("files", 3))

	begin := func(ctx context.Context) (body *strings.Reader, done func(), err error) {
		slot, err := files.Acquire(ctx, deadline.Within(time.Second))
		if err != nil {
			return nil, nil, err
		}
		return strings.NewReader("the file"), slot.Release, nil
	}

	body, done, err := begin(context.Background())
	fmt.Println(body.Len(), err, files.Status().InUse)
	done()
	fmt.Println(files.Status().InUse)
	// Output:
	// 8 <nil> 1
	// 0
}

func ExampleBulkhead_AcquireN() {
	ctx := context.Background()
	workers := bulk.Must(bulk.New("workers", 4))

	slot, err := workers.AcquireN(ctx, 3)
	fmt.Println(workers.Status().Free(), err)
	slot.Release()

	_, err = workers.AcquireN(ctx, 5)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// bulkhead "workers": oversized: 5 slots asked, parallelism 4
}

func ExampleBulkhead_TryAcquire() {
	search := bulk.Must(bulk.New("search", 1))
	for range 2 {
		slot, ok := search.TryAcquire()
		defer slot.Release()
		fmt.Println(ok)
	}
	// Output:
	// true
	// false
}

func ExampleBulkhead_TryAcquireN() {
	workers := bulk.Must(bulk.New("workers", 4))
	slot, ok := workers.TryAcquireN(3)
	fmt.Println(ok)
	_, ok = workers.TryAcquireN(2)
	fmt.Println(ok)
	slot.Release()
	_, ok = workers.TryAcquireN(2)
	fmt.Println(ok)
	// Output:
	// true
	// false
	// true
}

func ExampleSlot() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	slot, err := payments.Acquire(ctx)
	defer slot.Release() // fine, also when there is none
	fmt.Println(slot == bulk.Slot{}, err)
	// Output:
	// true bulkhead "payments": canceled: context canceled
}

func ExampleSlot_Release() {
	search := bulk.Must(bulk.New("search", 1))
	first, _ := search.TryAcquire()
	first.Release()
	second, _ := search.TryAcquire()
	first.Release() // once more: it frees nobody else's slot
	fmt.Println(search.Status().InUse)
	second.Release()
	fmt.Println(search.Status().InUse)
	// Output:
	// 1
	// 0
}

func ExampleBulkhead_Label() {
	fmt.Println(payments.Label())
	// Output:
	// payments
}

func ExampleBulkhead_Capacity() {
	fmt.Printf("%+v\n", payments.Capacity())
	// Output:
	// {Parallelism:10 WaitingRoom:50 WaitLimit:250ms}
}

func ExampleBulkhead_Resize() {
	search := bulk.Must(bulk.New("search", 2, bulk.WaitingRoom(10)))
	slot, _ := search.TryAcquireN(2)

	fmt.Println(search.Resize(1)) // cancels nothing
	fmt.Println(search.Status().InUse, search.Status().Excess(), search.Capacity().WaitingRoom)
	slot.Release()
	fmt.Println(search.Status().InUse, search.Status().Free())
	// Output:
	// <nil>
	// 2 1 10
	// 0 1
}

func ExampleBulkhead_SetCapacity() {
	search := bulk.Must(bulk.New("search", 2))
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: 8, WaitingRoom: 40, WaitLimit: time.Second}))
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: -8}))
	_ = search.Close()
	fmt.Println(search.SetCapacity(bulk.Capacity{Parallelism: 1}))
	fmt.Println(search.Capacity().Parallelism)
	// Output:
	// <nil>
	// bulkhead "search": parallelism -8: must be at least 1
	// bulkhead "search": capacity not changed: bulk: closed
	// 8
}

func ExampleBulkhead_String() {
	search := bulk.Must(bulk.New("search", 4))
	fmt.Println("resized", search)
	// Output: resized bulkhead "search"
}

// To change one field and keep the others: a change made by another goroutine
// at the same time is not lost.
func ExampleBulkhead_UpdateCapacity() {
	search := bulk.Must(bulk.New("search", 4, bulk.WaitingRoom(20)))
	err := search.UpdateCapacity(func(c bulk.Capacity) bulk.Capacity {
		c.WaitLimit = time.Second
		return c
	})
	fmt.Printf("%v %+v\n", err, search.Capacity())
	// Output: <nil> {Parallelism:4 WaitingRoom:20 WaitLimit:1s}
}

func ExampleBulkhead_Close() {
	search := bulk.Must(bulk.New("search", 2))
	err := bulk.Do(context.Background(), search, func(ctx context.Context) error {
		_ = search.Close() // what runs goes on
		return ctx.Err()
	})
	fmt.Println(err)
	_, err = search.Acquire(context.Background())
	fmt.Println(err)
	// Output:
	// <nil>
	// bulkhead "search": closed
}

func ExampleBulkhead_Done() {
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquire()
	_ = search.Close()
	select {
	case <-search.Done():
	default:
		fmt.Println("something is in flight")
	}
	slot.Release()
	<-search.Done()
	fmt.Println("drained")
	// Output:
	// something is in flight
	// drained
}

func ExampleBulkhead_Wait() {
	search := bulk.Must(bulk.New("search", 2))
	drained := make(chan error)
	go func() { drained <- search.Wait(context.Background()) }() // long before

	_ = search.Close()
	fmt.Println(<-drained)
	// Output:
	// <nil>
}

func ExampleBulkhead_Shutdown() {
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquire()

	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no time to wait
	fmt.Println(search.Shutdown(ctx))
	slot.Release()
	fmt.Println(search.Shutdown(ctx))
	// Output:
	// bulkhead "search": not drained, 1 in flight: context canceled
	// <nil>
}

func ExampleDrainError() {
	search := bulk.Must(bulk.New("search", 2))
	slot, _ := search.TryAcquire()
	defer slot.Release()

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := search.Shutdown(ctx)
	var e *bulk.DrainError
	if errors.As(err, &e) {
		fmt.Println(e.Label, e.InFlight, errors.Is(err, context.DeadlineExceeded))
	}
	// Output:
	// search 1 true
}

func ExampleDrainError_Error() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("second Ctrl-C"))
	fmt.Println(bulk.Must(bulk.New("search", 2)).Wait(ctx))
	// Output:
	// bulkhead "search": not drained, 0 in flight: second Ctrl-C
}

func ExampleDrainError_Is() {
	impatient := errors.New("second Ctrl-C")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(impatient)
	err := bulk.Must(bulk.New("search", 2)).Wait(ctx)
	fmt.Println(errors.Is(err, impatient), errors.Is(err, context.Canceled))
	// Output:
	// true true
}

func ExampleDrainError_As() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(&fs.PathError{Op: "read", Path: "limits.json", Err: fs.ErrNotExist})
	err := bulk.Must(bulk.New("search", 2)).Wait(ctx)
	var path *fs.PathError
	fmt.Println(errors.As(err, &path), path.Path)
	// Output:
	// true limits.json
}

// The answer of a server to each way of being turned away.
func ExampleAdmissionError() {
	answer := func(err error) string {
		var e *bulk.AdmissionError
		if !errors.As(err, &e) {
			return "500: it ran, and failed"
		}
		switch e.Reason {
		case bulk.Saturated, bulk.Expired:
			return fmt.Sprintf("503: %s has %d in flight and %d waiting, try later", e.Label, e.InFlight, e.Waiting)
		case bulk.Canceled:
			return "499: the client has gone"
		default:
			return "503: " + e.Reason.String()
		}
	}

	search := bulk.Must(bulk.New("search", 1))
	_ = bulk.Do(context.Background(), search, func(ctx context.Context) error {
		_, err := search.Acquire(ctx)
		fmt.Println(answer(err))
		_, err = search.AcquireN(ctx, 2)
		fmt.Println(answer(err))
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := search.Acquire(ctx)
	fmt.Println(answer(err))
	// Output:
	// 503: search has 1 in flight and 0 waiting, try later
	// 503: oversized
	// 499: the client has gone
}

func ExampleAdmissionError_Error() {
	b := bulk.Must(bulk.New("search", 2))
	slot, _ := b.TryAcquireN(2)
	defer slot.Release()

	_, err := b.Acquire(context.Background())
	fmt.Println(err)
	_, err = b.Acquire(context.Background(), deadline.Before(time.Now()))
	fmt.Println(err)
	_, err = b.AcquireN(context.Background(), 3)
	fmt.Println(err)
	// Output:
	// bulkhead "search": saturated: 2/2 slots in use, 0/0 waiting
	// bulkhead "search": expired at arrival: 2/2 slots in use, 0/0 waiting
	// bulkhead "search": oversized: 3 slots asked, parallelism 2
}

// It was canceled because its sibling was turned away elsewhere. That was no
// overload of this bulkhead.
func ExampleAdmissionError_Is() {
	search := bulk.Must(bulk.New("search", 1))
	slot, _ := search.TryAcquire()
	defer slot.Release()
	_, sibling := search.Acquire(context.Background())

	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(sibling)
	_, err := payments.Acquire(ctx)
	fmt.Println(errors.Is(err, bulk.ErrCanceled), errors.Is(err, context.Canceled), errors.Is(err, sibling))
	fmt.Println(errors.Is(err, bulk.ErrSaturated), errors.Is(err, bulk.ErrOverload))
	// Output:
	// true true true
	// false false
}

// quotaError is why somebody canceled.
type quotaError struct{ used int }

func (e quotaError) Error() string { return fmt.Sprintf("%d of the quota used", e.used) }

func ExampleAdmissionError_As() {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(quotaError{used: 100})
	_, err := payments.Acquire(ctx)

	var quota quotaError
	fmt.Println(errors.As(err, &quota), quota.used)
	// Output:
	// true 100
}

// An operation can fail with the rejection of another bulkhead that it uses. Only a
// rejection by its own says that it did not run and can be done again.
func ExampleNotStarted() {
	search := bulk.Must(bulk.New("search", 1))
	slot, _ := search.TryAcquire()
	defer slot.Release()

	_, err := bulk.Run(context.Background(), payments, func(ctx context.Context) (string, error) {
		return "", bulk.Do(ctx, search, func(context.Context) error { return nil })
	})
	fmt.Println(err)
	fmt.Println(bulk.NotStarted(err, payments), bulk.NotStarted(err, search))
	// Output:
	// bulkhead "search": saturated: 1/1 slots in use, 0/0 waiting
	// false true
}

// turnedAwayFor returns the error of an operation that a full bulkhead for two
// turns away for the reason.
func turnedAwayFor(reason bulk.Reason) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b := bulk.Must(bulk.New("search", 2))
	n, limit := 1, deadline.Limit{}
	_, _ = b.TryAcquireN(2)
	switch reason {
	case bulk.Expired:
		limit = deadline.Before(time.Now())
	case bulk.Closed:
		_ = b.Close()
	case bulk.Oversized:
		n = 3
	case bulk.Canceled:
		cancel()
	}
	_, err := b.AcquireN(ctx, n, limit)
	return err
}

func ExampleErrNotStarted() {
	for r := bulk.Saturated; r <= bulk.Canceled; r++ {
		fmt.Println(r, errors.Is(turnedAwayFor(r), bulk.ErrNotStarted))
	}
	// Output:
	// saturated true
	// expired true
	// closed true
	// oversized true
	// canceled true
}

func ExampleErrOverload() {
	for r := bulk.Saturated; r <= bulk.Canceled; r++ {
		fmt.Println(r, errors.Is(turnedAwayFor(r), bulk.ErrOverload))
	}
	// Output:
	// saturated true
	// expired true
	// closed false
	// oversized false
	// canceled false
}

func ExampleErrSaturated() {
	err := turnedAwayFor(bulk.Saturated)
	fmt.Println(errors.Is(err, bulk.ErrSaturated), errors.Is(err, bulk.ErrExpired))
	// Output:
	// true false
}

// It is not the timeout of a remote call, and doesn't look like one.
func ExampleErrExpired() {
	err := turnedAwayFor(bulk.Expired)
	fmt.Println(errors.Is(err, bulk.ErrExpired), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// true false
}

func ExampleErrClosed() {
	err := turnedAwayFor(bulk.Closed)
	fmt.Println(errors.Is(err, bulk.ErrClosed), errors.Is(err, bulk.ErrOverload))
	// Output:
	// true false
}

func ExampleErrOversized() {
	err := turnedAwayFor(bulk.Oversized)
	fmt.Println(errors.Is(err, bulk.ErrOversized), errors.Is(err, bulk.ErrOverload))
	// Output:
	// true false
}

func ExampleErrCanceled() {
	err := turnedAwayFor(bulk.Canceled)
	fmt.Println(errors.Is(err, bulk.ErrCanceled), errors.Is(err, context.Canceled))
	// Output:
	// true true
}

func ExampleReason() {
	fmt.Println(bulk.Saturated, bulk.Expired, bulk.Closed, bulk.Oversized, bulk.Canceled)
	// Output:
	// saturated expired closed oversized canceled
}

func ExampleReason_String() {
	var e *bulk.AdmissionError
	if errors.As(turnedAwayFor(bulk.Closed), &e) {
		fmt.Println("turned away: " + e.Reason.String())
	}
	// Output:
	// turned away: closed
}

func ExampleReason_MarshalText() {
	text, err := bulk.Oversized.MarshalText()
	fmt.Printf("%s %v\n", text, err)
	// Output:
	// oversized <nil>
}

func ExampleReason_UnmarshalText() {
	var r bulk.Reason
	fmt.Println(r.UnmarshalText([]byte("expired")), r == bulk.Expired)
	fmt.Println(r.UnmarshalText([]byte("tired")), r == bulk.Expired)
	// Output:
	// <nil> true
	// bulk: reason "tired": must be one of saturated expired closed oversized canceled true
}

func ExampleOnEvent() {
	log := func(e bulk.Event) {
		fmt.Printf("%d %s: %d slots, %d/%d in use\n", e.Seq, e.Kind, e.Slots, e.InUse, e.Capacity.Parallelism)
	}
	search := bulk.Must(bulk.New("search", 2, bulk.OnEvent(log)))
	slot, _ := search.TryAcquireN(2)
	search.TryAcquire()
	slot.Release()
	// Output:
	// 1 admitted: 2 slots, 2/2 in use
	// 2 saturated: 1 slots, 2/2 in use
	// 3 released: 2 slots, 0/2 in use
}

func ExampleOnHandlerPanic() {
	search := bulk.Must(bulk.New("search", 2,
		bulk.OnEvent(func(bulk.Event) { panic("no disk space") }),
		bulk.OnHandlerPanic(func(e bulk.Event, recovered any) {
			fmt.Println("handler of", e.Kind, "panicked:", recovered)
		})))
	_, ok := search.TryAcquire()
	fmt.Println(ok)
	// Output:
	// handler of admitted panicked: no disk space
	// true
}

func ExampleBulkhead_OnEvent() {
	search := bulk.Must(bulk.New("search", 2))
	rejected := 0
	remove := search.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventSaturated {
			rejected++
		}
	})
	for range 5 {
		search.TryAcquire()
	}
	remove()
	search.TryAcquire()
	fmt.Println(rejected)
	// Output:
	// 3
}

func ExampleEvent() {
	search := bulk.Must(bulk.New("search", 2))
	search.OnEvent(func(e bulk.Event) {
		switch e.Kind {
		case bulk.EventResized:
			fmt.Println(e.Label, e.Kind, "from", e.Previous.Parallelism, "to", e.Capacity.Parallelism)
		case bulk.EventClosed:
			fmt.Println(e.Label, e.Kind, "with", e.InFlight, "in flight")
		default:
			fmt.Println(e.Label, e.Kind)
		}
	})
	_ = search.Resize(3)
	_ = search.Close()
	// Output:
	// search resized from 2 to 3
	// search closed with 0 in flight
	// search drained
}

func ExampleEventKind() {
	for k := bulk.EventQueued; k <= bulk.EventResized; k++ {
		fmt.Println(k)
	}
	// Output:
	// queued
	// admitted
	// released
	// abandoned
	// saturated
	// expired
	// canceled
	// oversized
	// rejected_closed
	// closed
	// drained
	// resized
}

func ExampleEventKind_String() {
	fmt.Println("search: " + bulk.EventRejectedClosed.String())
	// Output:
	// search: rejected_closed
}

func ExampleEventKind_MarshalText() {
	text, err := bulk.EventQueued.MarshalText()
	fmt.Printf("%s %v\n", text, err)
	_, err = bulk.EventKind(0).MarshalText()
	fmt.Println(errors.Is(err, bulk.ErrConfig))
	// Output:
	// queued <nil>
	// true
}

func ExampleEventKind_UnmarshalText() {
	var k bulk.EventKind
	fmt.Println(k.UnmarshalText([]byte("drained")), k == bulk.EventDrained)
	fmt.Println(errors.Is(k.UnmarshalText([]byte("emptied")), bulk.ErrConfig), k == bulk.EventDrained)
	// Output:
	// <nil> true
	// true true
}

func ExampleSaturated() {
	search := bulk.Must(bulk.New("search", 1))
	search.TryAcquire()
	_, err := search.Acquire(context.Background())
	var e *bulk.AdmissionError
	fmt.Println(errors.As(err, &e) && e.Reason == bulk.Saturated)
	// Output:
	// true
}

func ExampleEventQueued() {
	search := bulk.Must(bulk.New("search", 1, bulk.WaitingRoom(1), bulk.WaitLimit(time.Millisecond)))
	search.OnEvent(func(e bulk.Event) {
		if e.Kind == bulk.EventQueued {
			fmt.Println("one more waits:", e.Waiting)
		}
	})
	search.TryAcquire()
	_, _ = search.Acquire(context.Background())
	// Output:
	// one more waits: 1
}
