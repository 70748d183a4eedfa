package natskv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bulklink/bulklink-go/bulk"
	"github.com/nats-io/nats.go/jetstream"
)

// lowest is the lowest revision that a bucket may have: a time in 2005, in
// microseconds. A bucket that begins at 1 does not reach it.
const lowest = 1 << 50

// New returns a store in a bucket that exists, which somebody else manages. It does not
// create the bucket again if it is deleted later: until somebody does, all calls fail.
//
// A bucket that [Open] would not create is a *bulk.ConfigError: one whose revisions
// begin below 2⁵⁰, or that has direct reads. Other errors are those of the requests. A
// nil js panics.
func New(ctx context.Context, js jetstream.JetStream, bucket string) (*Store, error) {
	if js == nil {
		panic("natskv: nil JetStream")
	}
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return nil, fmt.Errorf("natskv: bucket %q: %w", bucket, err)
	}
	if err := check(ctx, kv); err != nil {
		return nil, err
	}
	return &Store{conn: js.Conn(), kv: kv}, nil
}

// Open returns a store in the bucket that c names. It creates the bucket if there is
// none. The store creates it again if it finds that it was deleted, or lost with the
// memory of a server. If the bucket exists, Open does not change it.
//
// The fields of c have the meaning that they have in CreateKeyValue of jetstream, with
// a history of 1 by default. Use three Replicas if the servers are a cluster. A TTL
// must be longer than the lease of the members; it deletes the records of budgets that
// nobody uses any more.
//
// A c with Mirror, Sources or RePublish is a *bulk.ConfigError, and so is an existing
// bucket that [New] rejects. Other errors are those of the requests. A nil js panics.
func Open(ctx context.Context, js jetstream.JetStream, c jetstream.KeyValueConfig) (*Store, error) {
	if c.Mirror != nil || len(c.Sources) > 0 || c.RePublish != nil {
		return nil, &bulk.ConfigError{Field: "bucket", Value: c.Bucket, Problem: "must have no Mirror, Sources or RePublish"}
	}
	s, err := New(ctx, js, c.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if err = create(ctx, js, c); err != nil {
			return nil, fmt.Errorf("natskv: create bucket %q: %w", c.Bucket, err)
		}
		s, err = New(ctx, js, c.Bucket)
	}
	if err != nil {
		return nil, err
	}
	s.create = func(ctx context.Context) error { return create(ctx, js, c) }
	return s, nil
}

// create creates the bucket, unless another process was faster. CreateKeyValue of
// jetstream cannot set the first revision.
func create(ctx context.Context, js jetstream.JetStream, c jetstream.KeyValueConfig) error {
	orUnlimited := func(n int64) int64 {
		if n == 0 {
			return -1
		}
		return n
	}
	stream := jetstream.StreamConfig{
		Name:              "KV_" + c.Bucket,
		Subjects:          []string{"$KV." + c.Bucket + ".>"},
		Description:       c.Description,
		Metadata:          c.Metadata,
		MaxMsgsPerSubject: max(1, int64(c.History)),
		MaxBytes:          orUnlimited(c.MaxBytes),
		MaxMsgSize:        int32(orUnlimited(int64(c.MaxValueSize))),
		MaxMsgs:           -1,
		MaxConsumers:      -1,
		MaxAge:            c.TTL,
		Storage:           c.Storage,
		Replicas:          max(1, c.Replicas),
		Placement:         c.Placement,
		Discard:           jetstream.DiscardNew,
		AllowRollup:       true,
		DenyDelete:        true,
		FirstSeq:          uint64(time.Now().UnixMicro()),
	}
	if c.Compression {
		stream.Compression = jetstream.S2Compression
	}
	if c.LimitMarkerTTL != 0 {
		stream.AllowMsgTTL, stream.SubjectDeleteMarkerTTL = true, c.LimitMarkerTTL
	}
	_, err := js.CreateStream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return err
}

// check rejects a bucket whose revisions could be used twice, or whose reads could be
// older than a write.
func check(ctx context.Context, kv jetstream.KeyValue) error {
	status, err := kv.Status(ctx)
	if err != nil {
		return fmt.Errorf("natskv: bucket %q: %w", kv.Bucket(), err)
	}
	known, ok := status.(interface{ StreamInfo() *jetstream.StreamInfo })
	if !ok {
		return nil // checkRevision checks what it writes
	}
	config := known.StreamInfo().Config
	if err := checkRevision(kv.Bucket(), config.FirstSeq); err != nil {
		return err
	}
	if config.AllowDirect {
		return &bulk.ConfigError{Field: "bucket", Value: kv.Bucket(), Problem: "must not have allow_direct; let natskv.Open create it"}
	}
	return nil
}

// checkRevision is also called for the revisions of later answers, because the bucket
// may be created again at any time.
func checkRevision(bucket string, revision uint64) error {
	if revision >= lowest {
		return nil
	}
	return &bulk.ConfigError{
		Field: "bucket", Value: bucket,
		Problem: "must have a first_seq of at least 2^50, so that no revision is used twice; delete it and let natskv.Open create it",
	}
}
