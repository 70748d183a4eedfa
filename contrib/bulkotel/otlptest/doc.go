// Package otlptest tests package bulkotel with exporters of OTLP and the receiver of the
// OpenTelemetry Collector, over gRPC and HTTP on loopback. It is a module of its own, so
// that users of bulkotel do not require the libraries of the Collector.
package otlptest
