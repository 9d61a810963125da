package dns

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestAPanicOfALookIsAnErrorInTheLog(t *testing.T) {
	var b bytes.Buffer
	c := &Checker{Log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError}))}
	look := func(context.Context, *asker, string) (Finding, error) { panic("out of reach") }
	if _, err := c.guarded(t.Context(), nil, "garrigue.example", look); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("%v", err)
	}
	if text := b.String(); !strings.Contains(text, "level=ERROR msg=panic domain=garrigue.example") || !strings.Contains(text, "panic_test.go") {
		t.Errorf("%s", text)
	}
	if _, err := (&Checker{}).guarded(t.Context(), nil, "garrigue.example", look); err == nil {
		t.Error("no error without a log")
	}
}
