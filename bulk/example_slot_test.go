package bulk_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/bulklink/bulklink-go/deadline"
)

// A download holds its slot until the body is read, which is after the function
// that started it has returned.
func ExampleBulkhead_Acquire() {
	files := bulk.Must(bulk.New("files", 3))

	open := func(ctx context.Context) (body *strings.Reader, done func(), err error) {
		slot, err := files.Acquire(ctx, deadline.Within(time.Second))
		if err != nil {
			return nil, nil, err
		}
		return strings.NewReader("the file"), slot.Release, nil
	}

	body, done, err := open(context.Background())
	fmt.Println(body.Len(), err, files.Status().InUse)
	done()
	fmt.Println(files.Status().InUse)
	// Output:
	// 8 <nil> 1
	// 0
}

func ExampleBulkhead_TryAcquire() {
	search := bulk.Must(bulk.New("search", 4))
	slot, ok := search.TryAcquireN(3)
	fmt.Println(ok)
	_, ok = search.TryAcquireN(2) // only one slot is free
	fmt.Println(ok)
	slot.Release()
	slot, ok = search.TryAcquire()
	defer slot.Release()
	fmt.Println(ok)
	// Output:
	// true
	// false
	// true
}

// The Release of the zero Slot does nothing, so the deferred call may stand before
// the error check. A second Release does nothing either: it does not release
// a slot that another operation has acquired since.
func ExampleSlot_Release() {
	search := bulk.Must(bulk.New("search", 1))
	first, err := search.Acquire(context.Background())
	defer first.Release()
	if err != nil {
		fmt.Println(err)
		return
	}
	first.Release()

	second, err := search.Acquire(context.Background())
	defer second.Release()
	first.Release() // does nothing
	fmt.Println(err, search.Status().InUse, first == bulk.Slot{})
	// Output:
	// <nil> 1 false
}
