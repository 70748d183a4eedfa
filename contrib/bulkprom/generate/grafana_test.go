package main

import (
	"os"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The types and their decoders are generated from Grafana's schemas. The strict decoder
// knows each field of a dashboard, of the options of each kind of panel, and of the
// queries to Prometheus.
func TestGrafanaAcceptsTheDashboard(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	text, err := os.ReadFile("../dashboard/bulkheads.json")
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 every Grafana imports this form, and only new ones version 2
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict(text); hasText(err) {
		t.Errorf("fields that Grafana does not have, or that are missing:\n%v", err)
	}
	if err := d.Validate(); hasText(err) {
		t.Errorf("values that Grafana does not allow:\n%v", err)
	}
	if len(d.Panels) != 3+len(graphs) {
		t.Errorf("%d panels", len(d.Panels))
	}
}

// hasText reports whether err is an error: the decoders return an empty list of errors
// where there is none.
func hasText(err error) bool { return err != nil && err.Error() != "" }
