//go:build !linux

package pgtest

import "syscall"

// runAs returns the attributes of the processes of PostgreSQL.
func runAs(string) (*syscall.SysProcAttr, error) { return nil, nil }
