package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

func ExampleRun() {
	inventory := bulk.Must(bulk.New("inventory", 2, bulk.WaitingRoom(10)))

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	count, err := bulk.Run(ctx, inventory, func(context.Context) (int, error) {
		return 12, nil // the answer of the inventory service
	}, deadline.Within(50*time.Millisecond), deadline.Reserve(20*time.Millisecond))
	fmt.Println(count, err)
	// Output:
	// 12 <nil>
}

// An operation that can be replaced by a cheaper one does not wait: if no slot is
// free, it is rejected immediately.
func ExampleRun_fallback() {
	search := bulk.Must(bulk.New("search", 1))
	slot, _ := search.TryAcquire() // another search is in flight
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

// A report loads the inventory service as much as three lookups do, so it takes
// three slots.
func ExampleRunN() {
	ctx := context.Background()
	inventory := bulk.Must(bulk.New("inventory", 4))
	report := func(context.Context) (string, error) { return "12 lamps, 3 chairs", nil }

	fmt.Println(bulk.RunN(ctx, inventory, 3, report))
	lookups, _ := inventory.TryAcquireN(2)
	defer lookups.Release()
	_, err := bulk.RunN(ctx, inventory, 3, report) // only two slots are free
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

// An import writes to all shards, so it takes all slots and runs alone.
func ExampleDoN() {
	ctx := context.Background()
	shards := bulk.Must(bulk.New("shards", 4))
	err := bulk.DoN(ctx, shards, 4, func(ctx context.Context) error {
		_, alone := shards.Acquire(ctx)
		fmt.Println(alone)
		return nil
	})
	fmt.Println(err)
	// Output:
	// bulkhead "shards": saturated: 4/4 slots in use, 0/0 waiting
	// <nil>
}

// The timeout bounds the call itself: it starts when the call is admitted. The
// limit bounds the wait.
func ExampleGuard() {
	stock := func(context.Context) (int, error) { return 12, nil }
	inventory := bulk.Must(bulk.New("inventory", 2, bulk.WaitingRoom(10)))

	guarded := bulk.Guard(inventory, deadline.Timeout(time.Second, stock), deadline.Within(50*time.Millisecond))
	fmt.Println(guarded(context.Background()))
	// Output:
	// 12 <nil>
}

func ExampleGuard1() {
	charge := bulk.Guard1(payments, client.Charge, deadline.Within(100*time.Millisecond))
	fmt.Println(charge(context.Background(), "order 18"))
	// Output:
	// {order 18} <nil>
}

func ExampleGuardDo() {
	mail := bulk.Must(bulk.New("mail", 1))
	flush := bulk.GuardDo(mail, func(context.Context) error {
		fmt.Println("flushed")
		return nil
	})
	fmt.Println(flush(context.Background()))
	_ = mail.Close()
	fmt.Println(flush(context.Background()))
	// Output:
	// flushed
	// <nil>
	// bulkhead "mail": closed
}

func ExampleGuardDo1() {
	mail := bulk.Must(bulk.New("mail", 3, bulk.WaitingRoom(100)))
	send := bulk.GuardDo1(mail, func(_ context.Context, to string) error {
		fmt.Println("sent to", to)
		return nil
	}, deadline.Within(time.Second))
	fmt.Println(send(context.Background(), "lena@example.org"))
	// Output:
	// sent to lena@example.org
	// <nil>
}
