package handlers_test

import (
	"fmt"
	"testing"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// importsMatrix is the part of the matrix about imports. Whoever may import mail
// into an account sees each and may cancel it; to choose from what the account
// elsewhere has, and to go on, is for who asked.
const importsMatrix = `
GET /services/:domain/emails/:local/imports
	contact@garrigue.example                      200   200   403   404   404   403   in
	rh@garrigue.example                           200   200   404   404   404   403   in
	devis@atelier-durand.example                  200   200   403   404   404   403   in
	hello@nguyen-velos.example                    404   404   404   200   404   403   in
	contact@pause.example                         200   200   403   404   404   403   in
	ghost@garrigue.example                        404   404   404   404   404   403   in
POST /services/:domain/emails/:local/imports from /services/:domain/emails/:local/imports fill host=imap.example.org&security=tls&username=old&password=secret writes import.created
	rh@garrigue.example                           done  done  404   404   404   403   in
	devis@atelier-durand.example                  done  done  403   404   404   403   in
	contact@pause.example                         403   403   403   404   404   403   in
	ghost@garrigue.example                        404   404   404   404   404   403   in
GET /services/:domain/emails/:local/imports/:id
	contact@garrigue.example#choosing-of-Alice    200   200   403   404   404   403   in
	contact@garrigue.example#none                 404   404   403   404   404   403   in
	info@garrigue.example#paused-of-Bruno         200   200   404   404   404   403   in
	hello@nguyen-velos.example#choosing-of-David  404   404   404   200   404   403   in
	contact@pause.example#choosing-of-Alice       200   200   403   404   404   403   in
GET /services/:domain/emails/:local/imports/:id/progress
	contact@garrigue.example#choosing-of-Alice    200   200   403   404   404   403   in
	contact@garrigue.example#none                 404   404   403   404   404   403   in
	hello@nguyen-velos.example#choosing-of-David  404   404   404   200   404   403   in
	contact@pause.example#choosing-of-Alice       200   200   403   404   404   403   in
POST /services/:domain/emails/:local/imports/:id/selection from /services/:domain/emails/:local/imports/:id writes import.started
	contact@garrigue.example#choosing-of-Alice    done  404   403   404   404   403   in
	contact@garrigue.example#none                 404   404   403   404   404   403   in
	hello@nguyen-velos.example#choosing-of-David  404   404   404   done  404   403   in
	contact@pause.example#choosing-of-Alice       403   403   403   404   404   403   in
POST /services/:domain/emails/:local/imports/:id/resumption from /services/:domain/emails/:local/imports/:id writes import.resumed
	info@garrigue.example#paused-of-Bruno         404   done  404   404   404   403   in
	info@garrigue.example#none                    404   404   404   404   404   403   in
	contact@pause.example#choosing-of-Alice       403   403   403   404   404   403   in
POST /services/:domain/emails/:local/imports/:id/cancellation from /services/:domain/emails/:local/imports/:id writes import.cancelled
	contact@garrigue.example#choosing-of-Alice    done  done  403   404   404   403   in
	contact@garrigue.example#none                 404   404   403   404   404   403   in
	info@garrigue.example#paused-of-Bruno         done  done  404   404   404   403   in
	hello@nguyen-velos.example#choosing-of-David  404   404   404   done  404   403   in
	contact@pause.example#choosing-of-Alice       403   403   403   404   404   403   in
`

// putImports has imports on the stage whose connection was tried.
func putImports(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	for _, of := range []struct {
		by            person
		domain, local string
		state         models.ImportState
	}{
		{alice, cast.Garrigue, "contact", models.ImportChoosing},
		{bruno, cast.Garrigue, "info", models.ImportPaused},
		{person{"David", cast.David}, cast.Velos, "hello", models.ImportChoosing},
		{alice, paused, "contact", models.ImportChoosing},
	} {
		id, err := w.Store.CreateImport(t.Context(), w.Actor(t, of.by.identifier), of.domain, of.local,
			models.ImportForm{Host: "imap.example.org", Port: 993, Security: imap.TLS, Username: "old", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		reason := ""
		if of.state == models.ImportPaused {
			reason = "full"
		}
		w.Exec(t, fmt.Sprintf("UPDATE imports SET state = '%s', reason = '%s', ticket = 7 WHERE id = %d", of.state, reason, id))
		w.Exec(t, fmt.Sprintf("INSERT INTO import_folders (import_id, place, name, target, usual, chosen, messages, total) VALUES (%d, 1, 'INBOX', 'INBOX', true, %v, 12, 12)", id, of.state == models.ImportPaused))
		m.ids[of.local+"@"+of.domain+"#"+string(of.state)+"-of-"+of.by.name] = id
	}
	w.Exec(t, "UPDATE grants SET used_at = NULL")
}
