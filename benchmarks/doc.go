// Package benchmarks puts Bulklink side by side with what else a program could
// limit its parallelism with, on the same work, in one run.
//
//	go run ./report          # everything: tables and charts in results, in less than 10 minutes
//	go run ./report -short   # the headline alone, in less than a minute
//
// Everything needs some 6 GB of memory, because a million operations wait in one
// queue; the short form needs none to speak of.
//
// The benchmarks are ordinary ones and can be run by hand as well:
//
//	go test -run '^$' -bench HandOver -count 6 .
//
// They name their case in the form that benchstat reads (/key=value), and each
// has a floor or a bare channel beside Bulklink. Read figures as ratios to
// those, from one and the same run: machines differ, and a shared machine
// differs from itself an hour ago.
package benchmarks
