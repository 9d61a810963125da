package handlers_test

import (
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// Chloé manages the filters of her accounts and of no others. Each account has
// three: first and last are on, middle is off.
const filtersMatrix = `
GET /services/:domain/emails/:local/filters
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   200   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/emails/:local/filters/new
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/filters from /services/:domain/emails/:local/filters/new fill name=Neuf&rules-1-value=x&target=News writes filter.created
	contact@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  done  404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/emails/:local/filters/:id
	contact@garrigue.example#first      200   200   200   404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#first       200   200   404   404   404   403   in
	ghost@garrigue.example#none         404   404   404   404   404   403   in
	devis@atelier-durand.example#first  200   200   200   404   404   403   in
	hello@nguyen-velos.example#first    404   404   404   200   404   403   in
	contact@pause.example#first         403   403   403   404   404   403   in
	ghost@nobody.example#none           404   404   404   404   404   403   in
POST /services/:domain/emails/:local/filters/:id from /services/:domain/emails/:local/filters/:id fill name=Autre writes filter.changed
	contact@garrigue.example#first      done  done  done  404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#first       done  done  404   404   404   403   in
	devis@atelier-durand.example#first  done  done  done  404   404   403   in
	hello@nguyen-velos.example#first    404   404   404   done  404   403   in
	contact@pause.example#first         403   403   403   404   404   403   in
	ghost@nobody.example#none           404   404   404   404   404   403   in
POST /services/:domain/emails/:local/filters/:id/deletion from /services/:domain/emails/:local/filters writes filter.deleted
	contact@garrigue.example#first      done  done  done  404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#first       done  done  404   404   404   403   in
	hello@nguyen-velos.example#first    404   404   404   done  404   403   in
	contact@pause.example#first         403   403   403   404   404   403   in
	ghost@nobody.example#none           404   404   404   404   404   403   in
POST /services/:domain/emails/:local/filters/:id/activation from /services/:domain/emails/:local/filters writes filter.switched_on
	contact@garrigue.example#middle     done  done  done  404   404   403   in
	contact@garrigue.example#first      303   303   303   404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#middle      done  done  404   404   404   403   in
	hello@nguyen-velos.example#middle   404   404   404   done  404   403   in
	contact@pause.example#middle        403   403   403   404   404   403   in
POST /services/:domain/emails/:local/filters/:id/deactivation from /services/:domain/emails/:local/filters writes filter.switched_off
	contact@garrigue.example#first      done  done  done  404   404   403   in
	contact@garrigue.example#middle     303   303   303   404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#first       done  done  404   404   404   403   in
	hello@nguyen-velos.example#first    404   404   404   done  404   403   in
	contact@pause.example#first         403   403   403   404   404   403   in
POST /services/:domain/emails/:local/filters/:id/up from /services/:domain/emails/:local/filters writes filter.moved
	contact@garrigue.example#last       done  done  done  404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#last        done  done  404   404   404   403   in
	hello@nguyen-velos.example#last     404   404   404   done  404   403   in
	contact@pause.example#last          403   403   403   404   404   403   in
POST /services/:domain/emails/:local/filters/:id/down from /services/:domain/emails/:local/filters writes filter.moved
	contact@garrigue.example#middle     done  done  done  404   404   403   in
	contact@garrigue.example#last       303   303   303   404   404   403   in
	contact@garrigue.example#none       404   404   404   404   404   403   in
	compta@garrigue.example#middle      done  done  404   404   404   403   in
	hello@nguyen-velos.example#middle   404   404   404   done  404   403   in
	contact@pause.example#middle        403   403   403   404   404   403   in
GET /services/:domain/emails/:local/filters/trial
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   200   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/filters/trial from /services/:domain/emails/:local/filters fill subject=Essai
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   200   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
`

// putFilters puts three on one account of each service, and on one that Chloé does not hold.
func putFilters(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	for _, address := range []string{"contact@" + cast.Garrigue, "compta@" + cast.Garrigue, "devis@" + cast.Atelier, "hello@" + cast.Velos, "contact@" + paused} {
		local, domain, _ := strings.Cut(address, "@")
		by := w.Actor(t, ownerOf[domain])
		for _, name := range []string{"first", "middle", "last"} {
			id, err := w.Store.CreateFilter(t.Context(), by, domain, local, models.FilterForm{
				Name: name, Action: "delete", Rules: []models.FilterRule{{Header: "from", Operator: "contains", Value: name}},
			})
			if err != nil {
				t.Fatal(err)
			}
			m.ids[address+"#"+name] = id
		}
		if err := w.Store.SwitchFilter(t.Context(), by, domain, local, m.ids[address+"#middle"], false); err != nil {
			t.Fatal(err)
		}
	}
}
