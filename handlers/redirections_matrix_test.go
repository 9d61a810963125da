package handlers_test

import (
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/modelstest"
)

// redirectionsMatrix is the part of the matrix about redirections. Each service
// has one of bonjour@, named with a "#". Bruno may not send mail out of the
// second service, which the targets here do.
const redirectionsMatrix = `
GET /services/:domain/redirections
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/redirections.csv
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/redirections/new
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/redirections from /services/:domain/redirections/new fill from=nouvelle&to=x@elsewhere.example writes redirection.created
	garrigue.example                    done  done  403   404   404   403   in
	atelier-durand.example              done  422   403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/redirections/:id
	garrigue.example#bonjour            200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#bonjour      200   200   403   404   404   403   in
	nguyen-velos.example#bonjour        404   404   404   200   404   403   in
	pause.example#bonjour               200   200   403   404   404   403   in
POST /services/:domain/redirections/:id from /services/:domain/redirections/:id fill to=y@elsewhere.example writes redirection.changed
	garrigue.example#bonjour            done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#bonjour      done  422   403   404   404   403   in
	nguyen-velos.example#bonjour        404   404   404   done  404   403   in
	pause.example#bonjour               403   403   403   404   404   403   in
POST /services/:domain/redirections/:id/deletion from /services/:domain/redirections/:id writes redirection.deleted
	garrigue.example#bonjour            done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#bonjour      done  done  403   404   404   403   in
	nguyen-velos.example#bonjour        404   404   404   done  404   403   in
	pause.example#bonjour               403   403   403   404   404   403   in
`

// redirectionsProps gives each service of the stage a redirection of bonjour@.
func redirectionsProps(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	for domain, owner := range ownerOf {
		r, err := w.Store.CreateRedirection(t.Context(), w.Actor(t, owner), domain, models.NewRedirection{Local: "bonjour", Targets: "x@elsewhere.example"})
		if err != nil {
			t.Fatal(err)
		}
		m.ids[domain+"#bonjour"] = r.ID
	}
}
