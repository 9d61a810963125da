package models_test

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// reopened is a store on the same database with other keys.
func (w *world) reopened(t *testing.T, secret []byte, old []byte) *models.Store {
	t.Helper()
	s, err := models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: secret, OldSecret: old, Importer: w.Importer})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestANewSecretOpensWhatTheOldOneSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx, fresh := t.Context(), bytes.Repeat([]byte("n"), models.SecretSize)
	i := w.importing(t)
	i.fill(t, 3, "INBOX")
	id := i.started(t, w.Alice)
	secret, _ := w.app(t, w.Emma)
	w.Exec(t, fmt.Sprintf("UPDATE factors SET secret = substr(secret, 10) WHERE customer_id = %d", w.Emma.Customer)) // as before values said by which key
	both, alone := w.reopened(t, fresh, modelstest.Secret), w.reopened(t, fresh, nil)

	answer := func(s *models.Store, wanted string) {
		t.Helper()
		_, err := s.AnswerSignIn(ctx, w.wait(t, cast.Emma), w.code(t, secret, 0), false, credentials(""), "")
		want(t, "a code", err, wanted)
		w.Clock.Move(time.Minute)
	}
	seals := func(s *models.Store, kind string, wanted models.Seals) {
		t.Helper()
		if got := got[models.Seals](t)(s.Seals(ctx, kind)); got != wanted {
			t.Errorf("%s: %+v, want %+v", kind, got, wanted)
		}
	}
	apps := w.Int(t, "SELECT count(*) FROM factors")
	answer(both, done)
	seals(both, "apps", models.Seals{Old: apps})
	seals(both, "imports", models.Seals{Old: 1})
	seals(alone, "apps", models.Seals{Lost: apps})
	seals(w.Store, "apps", models.Seals{Unnamed: 1})
	if n := got[int](t)(both.ForeignFactors(ctx)); n != 0 {
		t.Errorf("%d are said not to open", n)
	}

	// What is sealed now is under the new key.
	e := got[*models.Enrolment](t)(both.Enrolment(ctx, w.David, ""))
	_, err := both.EnrolFactor(ctx, w.David, models.NewFactor{Name: "App", Sealed: e.Sealed, Code: w.code(t, e.Secret, 0)})
	must(t, err)
	seals(both, "apps", models.Seals{Old: apps})
	seals(w.Store, "apps", models.Seals{Unnamed: 1, Lost: 1})

	if done := got[models.Seals](t)(both.Reseal(ctx, "apps")); done != (models.Seals{Old: apps}) {
		t.Errorf("%+v", done)
	}
	if done := got[models.Seals](t)(both.Reseal(ctx, "apps")); done != (models.Seals{}) {
		t.Errorf("once more: %+v", done)
	}
	if done := got[models.Seals](t)(both.Reseal(ctx, "imports")); done != (models.Seals{Old: 1}) {
		t.Errorf("%+v", done)
	}
	seals(alone, "apps", models.Seals{})
	answer(alone, done)
	ticket := int64(w.Int(t, fmt.Sprintf("SELECT ticket FROM imports WHERE id = %d", id)))
	must(t, alone.RunImport(ctx, id, ticket))
	i.wantState(t, id, models.ImportDone, "")

	w.Exec(t, "UPDATE factors SET secret = '\\x00'")
	if done := got[models.Seals](t)(both.Reseal(ctx, "apps")); done != (models.Seals{Lost: apps + 1}) {
		t.Errorf("what opens with no key: %+v", done)
	}
	bare := w.reopened(t, nil, nil)
	if _, err := bare.Reseal(ctx, "apps"); !errors.Is(err, models.ErrNoSecret) {
		t.Errorf("without a key: %v", err)
	}
}

// Stopped between two batches it goes on where it was.
func TestSealingAnewIsDoneInBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	before := w.Int(t, "SELECT count(*) FROM factors")
	aead := got[cipher.AEAD](t)(chacha20poly1305.NewX(modelstest.Secret))
	const more = 350
	for range more {
		id := w.Int(t, fmt.Sprintf("INSERT INTO factors (customer_id, name, secret, created_at, last_step) VALUES (%d, 'x', '', now(), 0) RETURNING id", w.Emma.Customer))
		nonce := make([]byte, aead.NonceSize())
		_, _ = rand.Read(nonce)
		_, err := w.SQL.ExecContext(t.Context(), "UPDATE factors SET secret = $1 WHERE id = $2", aead.Seal(nonce, nonce, []byte("JBSWY3DPEHPK3PXP"), fmt.Appendf(nil, "factor:%d", id)), id)
		must(t, err)
	}
	both := w.reopened(t, bytes.Repeat([]byte("n"), models.SecretSize), modelstest.Secret)

	held := got[*sql.Tx](t)(w.SQL.BeginTx(t.Context(), nil)) // somebody has a row of the second batch
	_, err := held.ExecContext(t.Context(), "SELECT id FROM factors WHERE id = (SELECT max(id) FROM factors) FOR UPDATE")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	some, err := both.Reseal(ctx, "apps")
	if err == nil || some.Old != 200 {
		t.Errorf("%+v, %v", some, err)
	}
	must(t, held.Rollback())
	if left := got[models.Seals](t)(both.Seals(t.Context(), "apps")); left.Old != before+more-200 {
		t.Errorf("%+v are left", left)
	}
	if rest := got[models.Seals](t)(both.Reseal(t.Context(), "apps")); rest.Old != before+more-200 {
		t.Errorf("%+v", rest)
	}
	if left := got[models.Seals](t)(both.Seals(t.Context(), "apps")); left != (models.Seals{}) {
		t.Errorf("%+v are left", left)
	}
}
