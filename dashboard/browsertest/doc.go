// Package browsertest tests the page of package dashboard in a browser. It needs Chromium.
// It is a module of its own: call these in its folder.
//
//	go test ./...
//	go test -run Screenshots -args -screenshots /tmp/pictures
//	go test -run Picture -args -picture ../../docs/dashboard.png
//
// The last command makes the picture of the README.
package browsertest
