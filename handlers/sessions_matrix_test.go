package handlers_test

import (
	"fmt"
	"strconv"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// sessionsMatrix is the part of the matrix about one's own sessions, a password
// that was forgotten, and the contact address.
const sessionsMatrix = `
GET /password-resets/new
	-                  200   200   200   200   200   200   200
POST /password-resets from /password-resets/new fill identifier=ep1005-mdt
	-                  done  done  done  done  done  done  done
GET /password-resets
	-                  200   200   200   200   200   200   200

GET /profile/sessions
	-                  200   200   200   200   200   200   in
POST /profile/sessions/end from /profile/sessions writes session.others_ended (consent.closed)
	-                  done  303   303   303   303   done  in
POST /profile/sessions/:id/end from /profile/sessions writes session.ended
	session-of-Alice   done  404   404   404   404   404   in
	session-of-Sam     404   404   404   404   404   done  in
	session-of-nobody  404   404   404   404   404   404   in

GET /profile/contact
	-                  200   200   200   200   200   403   in
POST /profile/contact from /profile/contact fill email=autre@ailleurs.example writes profile.contact_asked
	-                  done  done  done  done  done  403   in
POST /profile/contact/cancellation from /profile writes profile.contact_cancelled
	-                  done  303   303   303   303   403   in
GET /profile/contact/confirmation/:token
	contact-of-Alice   200   404   404   404   404   403   in
	contact-of-nobody  404   404   404   404   404   403   in
POST /profile/contact/confirmation/:token from /profile/contact/confirmation/:token writes profile.contact_changed
	contact-of-Alice   done  404   404   404   404   403   in
	contact-of-nobody  404   404   404   404   404   403   in
`

// putSessions signs Alice and Sam in a second time, and lets Alice ask for
// another contact address.
func putSessions(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	m.ids["session-of-nobody"] = 1 << 40
	for name, of := range map[string]string{"Alice": cast.Alice, "Sam": cast.Sam} {
		m.as(t, of)
		table := map[string]string{cast.Alice: "customer", cast.Sam: "agent"}[of]
		id, err := strconv.ParseInt(texts(t, w, fmt.Sprintf("SELECT CAST(max(s.id) AS text) FROM sessions s JOIN %[1]ss p ON p.id = s.%[1]s_id WHERE p.identifier = '%[2]s'", table, of))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.ids["session-of-"+name] = id
	}
	if err := w.Store.ChangeContact(t.Context(), w.Actor(t, cast.Alice), "alice@durand.example"); err != nil {
		t.Fatal(err)
	}
	change, err := w.Store.PendingContact(t.Context(), w.Actor(t, cast.Alice))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Store.SendContactLink(t.Context(), change.ID, 1, false); err != nil {
		t.Fatal(err)
	}
	links := w.Post.Links()
	m.contact = links[len(links)-1].Token
}
