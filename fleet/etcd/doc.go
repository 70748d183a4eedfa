// Package etcd keeps the records of a fleet in etcd.
//
//	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"etcd.internal:2379"}})
//	if err != nil { … }
//	member, err := fleet.Join(ctx, etcd.New(client), "payments", 100, payments)
//
// Users, TLS and time-outs are those of the client. Of several fleets in one cluster,
// give each a namespace, as the client has it in go.etcd.io/etcd/client/v3/namespace:
//
//	client.KV = namespace.NewKV(client.KV, "staging/")
//	client.Watcher = namespace.NewWatcher(client.Watcher, "staging/")
//
// A member needs the permission to read and write the keys below "bulklink/fleet/".
//
// # Keys
//
// A budget has two keys, which are always written together. The name of the budget is
// escaped as in a URL:
//
//	bulklink/fleet/payments/record      the record
//	bulklink/fleet/payments/revision    a random number, new with each record
//
// A member replaces a record only at the revision that it has read. etcd's own
// revisions begin at 1 again in a cluster that was installed again, and go back in one
// that was restored from a snapshot. A member that was paused meanwhile could then
// replace a record that it has never seen. Random numbers of 64 bits do not come again.
//
// To delete a record, delete both keys:
//
//	etcdctl del --prefix bulklink/fleet/payments/
//
// Members learn from each other what each of them holds.
//
// # Cost
//
// Load and CompareAndSwap are one request each, and linearizable. A watch asks the
// cluster every five seconds for its present revision, on the stream that it has, to
// find out that the cluster was installed again. etcd keeps every revision of a record
// until it is compacted: use --auto-compaction-retention.
package etcd
