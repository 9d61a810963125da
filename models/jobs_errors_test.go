package models_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// lines is a log that is read while it is written.
func TestAJobThatPanicsIsAnErrorInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	var log modelstest.Log
	s, err := models.Open(t.Context(), models.Config{
		URL: w.URL, Post: struct{ models.Post }{}, // whose methods are none
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	must(t, err)
	defer s.Close()
	must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Work(ctx) }()
	modelstest.Await(t, 20*time.Second, "the log tells where", func() bool { return strings.Contains(log.String(), "stack=") })
	cancel()
	must(t, <-ended)
	for _, want := range []string{"level=ERROR msg=panic", "kind=mail_password_link", "nil pointer", "SendPasswordLink"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}
