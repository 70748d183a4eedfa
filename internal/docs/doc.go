// Package docs has the tests of the pages: every fenced Go snippet compiles.
package docs
