//go:build race

package handlers_test

// racing says that the race detector watches.
const racing = true
