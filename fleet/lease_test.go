package fleet

import (
	"testing"
	"time"
)

func TestSmallestUnknownAttemptBoundsTheShare(t *testing.T) {
	now := time.Now()
	l := lease{pending: []attempt{{1, now, 5}, {2, now.Add(time.Second), 3}}}
	if n := l.pendingShare(); n != 3 {
		t.Errorf("the share is at most %d, want 3", n)
	}
	l.drop(2)
	if n := l.pendingShare(); n != 5 {
		t.Errorf("without the second attempt it is at most %d, want 5", n)
	}
	if !l.confirm(1, time.Minute) || !l.end.Equal(now.Add(time.Minute)) {
		t.Errorf("the lease ends at %v, want a minute after the request was sent", l.end)
	}
}
