// Package natskv keeps the records of a fleet in a key-value bucket of NATS JetStream.
//
//	conn, err := nats.Connect("nats://nats.internal:4222")
//	if err != nil { … }
//	js, err := jetstream.New(conn)
//	if err != nil { … }
//	store, err := natskv.Open(ctx, js, jetstream.KeyValueConfig{Bucket: "fleet", Replicas: 3})
//	if err != nil { … }
//	member, err := fleet.Join(ctx, store, "payments", 100, payments)
//
// How the client connects (credentials, TLS, accounts, domains) is a matter of
// [nats.Connect] and [jetstream.New]. A member needs the permissions to read, write and
// watch the bucket, and with [Open] that to create it.
//
// # Buckets
//
// A member replaces a record only at the revision that it has read. Revisions of a
// bucket are numbers that begin at 1, and begin at 1 again in a bucket that was created
// again. A member that was paused meanwhile could then replace a record that it has
// never seen. The buckets that [Open] creates therefore begin at the time of their
// creation, in microseconds. They also have no direct reads, which a replica that lags
// behind may answer. [New] rejects every other bucket with a *bulk.ConfigError.
//
// This holds as long as a bucket that replaces another one has a later time of
// creation, so the clocks of the processes that create buckets must not differ by more
// than a bucket lives. A bucket that is restored from a backup has old revisions again:
// stop the members for one lease before, or delete the bucket instead. Members learn
// from each other what each of them holds.
//
// # Durability
//
// By default a NATS server writes to disk every two minutes. When a machine fails, a
// server without replicas loses what was acknowledged since then, and uses the
// revisions again. Set sync_interval: always in the server's configuration of
// jetstream, or use three replicas in different zones.
//
// Reads are answered by the leader of the bucket. One that was cut off from the other
// replicas may answer for some seconds with a record that was replaced meanwhile. A
// write at its revision is a conflict, so a member cannot build on it.
//
// # Cost
//
// Load and CompareAndSwap are one request each. A watch is a Load and one ordered
// consumer, and has the heartbeats of one: a message every five seconds. A watch whose bucket was
// deleted ends or continues within about ten seconds after the bucket exists again.
//
// Package fleet/natskv/embedded runs a NATS server in the process: for tests,
// demonstrations, and fleets on one machine.
package natskv
