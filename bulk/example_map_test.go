package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bulklink/bulklink-go/bulk"
)

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

// Leaving the loop cancels the items in flight and waits until they have finished.
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

// With MapUnordered a slow item holds up no other.
func ExampleMapUnordered() {
	search := bulk.Must(bulk.New("search", 2))
	shops := slices.Values([]string{"slow", "fast"})

	fastSeen := make(chan bool)
	find := func(_ context.Context, shop string) (int, error) {
		if shop == "slow" {
			<-fastSeen
		}
		return len(shop), nil
	}
	for shop, r := range bulk.MapUnordered(context.Background(), search, shops, find) {
		fmt.Println(shop, r.Or(0))
		if shop == "fast" {
			close(fastSeen)
		}
	}
	// Output:
	// fast 4
	// slow 4
}
