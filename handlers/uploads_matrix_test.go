package handlers_test

import (
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// uploadsMatrix is the part of the matrix about files. One belongs to whoever
// sent it: for anybody else it is not there.
var uploadsMatrix = strings.ReplaceAll(uploadsOfKind, "KIND", "accounts") + strings.ReplaceAll(strings.ReplaceAll(uploadsOfKind, "KIND", "redirections"), "address%0Anouvelle", "from,to%0Anouvelle,info%40"+cast.Garrigue)

const uploadsOfKind = `
GET /services/:domain/uploads/KIND
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/uploads/KIND from /services/:domain/uploads/KIND fill file=address%0Anouvelle
	garrigue.example                    done  done  403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/uploads/KIND/:id
	garrigue.example#KIND-of-Alice      200   404   403   404   404   403   in
	garrigue.example#KIND-of-Bruno      404   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#KIND-of-David  404   404   404   200   404   403   in
	pause.example#KIND-of-Alice         200   404   403   404   404   403   in
POST /services/:domain/uploads/KIND/:id/application from /services/:domain/uploads/KIND/:id
	garrigue.example#KIND-of-Alice      done  404   403   404   404   403   in
	garrigue.example#KIND-of-Bruno      404   done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#KIND-of-David  404   404   404   done  404   403   in
	pause.example#KIND-of-Alice         403   403   403   404   404   403   in
POST /services/:domain/uploads/KIND/:id/cancellation from /services/:domain/uploads/KIND/:id
	garrigue.example#KIND-of-Alice      done  404   403   404   404   403   in
	garrigue.example#KIND-of-Bruno      404   done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#KIND-of-David  404   404   404   done  404   403   in
	pause.example#KIND-of-Alice         403   403   403   404   404   403   in
`

// putUploads has files on the stage that were checked and wait for the word.
func putUploads(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	for _, of := range []struct {
		by     person
		domain string
		target string
	}{{alice, cast.Garrigue, "info"}, {bruno, cast.Garrigue, "info"}, {person{"David", cast.David}, cast.Velos, "hello"}, {alice, paused, "contact"}} {
		for _, k := range []models.UploadKind{models.UploadAccounts, models.UploadRedirections} {
			id, err := w.Store.CreateUpload(t.Context(), w.Actor(t, of.by.identifier), of.domain, k, []models.UploadRow{{Line: 2, Address: "annonce", Targets: of.target + "@" + of.domain}})
			if err == nil {
				err = w.Store.RunUpload(t.Context(), id)
			}
			if err != nil {
				t.Fatal(err)
			}
			m.ids[of.domain+"#"+string(k)+"-of-"+of.by.name] = id
		}
	}
	w.Exec(t, "UPDATE grants SET used_at = NULL") // by which Bruno sent his: what the people do is their first use
}
