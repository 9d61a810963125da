package models

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/riverqueue/river/rivertype"
)

func TestAPanicInAJobIsAnErrorInTheLog(t *testing.T) {
	var b bytes.Buffer
	to := jobErrors{slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError}))}
	j := &rivertype.JobRow{ID: 7, Kind: "sweep", Attempt: 1, MaxAttempts: 5}
	to.HandleError(t.Context(), j, errors.New("away"))
	if b.Len() > 0 {
		t.Errorf("what is tried again is an error: %s", &b)
	}
	to.HandlePanic(t.Context(), j, "index out of range", "where it was")
	for _, want := range []string{"level=ERROR msg=panic job=7 kind=sweep", `panic="index out of range"`, `stack="where it was"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %s", &b, want)
		}
	}
}
