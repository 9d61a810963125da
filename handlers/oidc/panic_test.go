package oidc

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAPanicOfADiscoveryIsAnError(t *testing.T) {
	d := &discovery{now: time.Now, read: func(context.Context) (*metadata, error) { panic("out of reach") }}
	if _, err := d.get(t.Context()); !errors.Is(err, ErrProvider) || !strings.Contains(err.Error(), "out of reach") || !strings.Contains(err.Error(), "panic_test.go") {
		t.Errorf("%v", err)
	}
}
