package registry

import "github.com/bulklink/bulklink-go/bulk"

// Reports judges each member over its whole life, in the order of creation.
func (r *Registry) Reports() []bulk.Report {
	view := r.view()
	reports := make([]bulk.Report, len(view))
	for i, b := range view {
		reports[i] = b.Report()
	}
	return reports
}
