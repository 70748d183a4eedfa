package main

import (
	"testing"

	"github.com/bulklink/bulklink-go/examples/internal/copytest"
)

func TestFilesToCopyCompileAlone(t *testing.T) { copytest.CompileAlone(t, "../..", "metrics/otel") }
