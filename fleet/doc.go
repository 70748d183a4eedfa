// Package fleet divides one budget of slots among the bulkheads of many processes.
package fleet
