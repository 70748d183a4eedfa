package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerAnswersUntilItIsStopped(t *testing.T) {
	s, err := Start(5)
	if errors.Is(err, ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	query := func() (string, error) {
		out, err := exec.Command(filepath.Join(bin, "psql"), s.Source, "-Atc", "SHOW max_connections").CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	if got, err := query(); err != nil || got != "5" {
		t.Errorf("%q, %v", got, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := query(); err == nil {
		t.Error("the server answers after Stop")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v", err)
	}
}
