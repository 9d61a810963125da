package handlers_test

import (
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// Chloé's grant on accueil@ has the extra; on contact@ and devis@ it has not. A
// page about the whole service is no page of hers, whatever she asks of it.
const respondersMatrix = `
GET /services/:domain/emails/:local/responder
	contact@garrigue.example            200   200   403   404   404   403   in
	accueil@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	ancien@garrigue.example#none        404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/responder from /services/:domain/emails/:local/responder fill subject=Absence&content=Bonjour writes responder.changed
	contact@garrigue.example            done  done  403   404   404   403   in
	accueil@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/responder from /services/:domain/emails/:local/responder fill subject=Absence&content=Bonjour writes responder.created
	info@garrigue.example               done  done  404   404   404   403   in
	commandes@atelier-durand.example    done  done  404   404   404   403   in
POST /services/:domain/emails/:local/responder/end from /services/:domain/emails/:local/responder writes responder.ended
	contact@garrigue.example            done  done  403   404   404   403   in
	accueil@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/responder/deletion from /services/:domain/emails/:local/responder writes responder.deleted
	contact@garrigue.example            done  done  403   404   404   403   in
	accueil@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in

GET /services/:domain/responders
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/new-responder
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/responders from /services/:domain/new-responder fill local=nouveau&subject=Absence&content=Bonjour writes responder.created
	garrigue.example                    done  done  403   404   404   403   in
	atelier-durand.example              done  done  403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/responders/:local
	garrigue.example#ancien             200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#ancien       200   200   403   404   404   403   in
	nguyen-velos.example#ancien         404   404   404   200   404   403   in
	pause.example#ancien                200   200   403   404   404   403   in
	nobody.example#none                 404   404   404   404   404   403   in
POST /services/:domain/responders/:local from /services/:domain/responders/:local fill subject=Absence&content=Bonjour writes responder.changed
	garrigue.example#ancien             done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#ancien       done  done  403   404   404   403   in
	nguyen-velos.example#ancien         404   404   404   done  404   403   in
	pause.example#ancien                403   403   403   404   404   403   in
	nobody.example#none                 404   404   404   404   404   403   in
POST /services/:domain/responders/:local/end from /services/:domain/responders/:local writes responder.ended
	garrigue.example#ancien             done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#ancien       done  done  403   404   404   403   in
	nguyen-velos.example#ancien         404   404   404   done  404   403   in
	pause.example#ancien                403   403   403   404   404   403   in
POST /services/:domain/responders/:local/deletion from /services/:domain/responders/:local writes responder.deleted
	garrigue.example#ancien             done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	atelier-durand.example#ancien       done  done  403   404   404   403   in
	nguyen-velos.example#ancien         404   404   404   done  404   403   in
	pause.example#ancien                403   403   403   404   404   403   in
`

// putResponders puts one on an address without a mailbox of each service, and on some accounts.
func putResponders(t *testing.T, _ *stage, w *modelstest.World) {
	t.Helper()
	f := models.ResponderForm{Subject: "Fermé", Content: "Le cabinet est fermé."}
	for domain, owner := range ownerOf {
		if _, err := w.Store.CreateResponder(t.Context(), w.Actor(t, owner), domain, "ancien", f); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"contact@" + cast.Garrigue, "accueil@" + cast.Garrigue, "compta@" + cast.Garrigue, "devis@" + cast.Atelier, "hello@" + cast.Velos, "contact@" + paused} {
		local, domain, _ := strings.Cut(address, "@")
		if err := w.Store.SetResponder(t.Context(), w.Actor(t, ownerOf[domain]), domain, local, f); err != nil {
			t.Fatal(err)
		}
	}
	w.Exec(t, "UPDATE grants SET extras = $1 WHERE ended_at IS NULL AND domain = $2 AND local_part = 'accueil'", uint8(policy.Password|policy.Responder), cast.Garrigue)
}
