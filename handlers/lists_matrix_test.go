package handlers_test

import (
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// listsMatrix is the part about mailing lists. Whoever may not change lists
// does not learn which there are.
const listsMatrix = `
GET /services/:domain/lists
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/new-list
	garrigue.example                    200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/lists from /services/:domain/new-list fill name=nouvelle writes list.created
	garrigue.example                    done  done  403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/lists/:name
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
	nobody.example#none                 404   404   404   404   404   403   in
POST /services/:domain/lists/:name from /services/:domain/lists/:name fill posting=everyone writes list.changed
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
GET /services/:domain/lists/:name/deletion
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/deletion from /services/:domain/lists/:name/deletion fill confirm=:name writes list.deleted
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in

GET /services/:domain/lists/:name/members
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
GET /services/:domain/lists/:name/members.csv
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
POST /services/:domain/lists/:name/members from /services/:domain/lists/:name/members fill members=neuf@else.example writes list.members_added
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/members/removal from /services/:domain/lists/:name/members fill members=membre@else.example writes list.members_removed
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/members/file from /services/:domain/lists/:name/members fill file=neuf@else.example writes list.members_added
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/members/mailing from /services/:domain/lists/:name/members writes list.mailed
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
GET /services/:domain/lists/:name/moderators
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
GET /services/:domain/lists/:name/moderators.csv
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
POST /services/:domain/lists/:name/moderators from /services/:domain/lists/:name/moderators fill members=neuf@else.example writes list.moderators_added
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/moderators/removal from /services/:domain/lists/:name/moderators fill members=membre@else.example writes list.moderators_removed
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/moderators/file from /services/:domain/lists/:name/moderators fill file=neuf@else.example writes list.moderators_added
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in

GET /services/:domain/lists/:name/messages
	garrigue.example#annonces           200   200   403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   200   404   403   in
	pause.example#ancienne              200   200   403   404   404   403   in
POST /services/:domain/lists/:name/messages/rejection from /services/:domain/lists/:name/messages fill newest=:id writes list.message_rejected
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/messages/:id/approval from /services/:domain/lists/:name/messages writes list.message_approved
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/messages/:id/rejection from /services/:domain/lists/:name/messages fill reason=Pas+ici writes list.message_rejected
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/messages/discard from /services/:domain/lists/:name/messages fill newest=:id writes list.message_discarded
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in
POST /services/:domain/lists/:name/messages/:id/discard from /services/:domain/lists/:name/messages writes list.message_discarded
	garrigue.example#annonces           done  done  403   404   404   403   in
	garrigue.example#none               404   404   403   404   404   403   in
	nguyen-velos.example#riders         404   404   404   done  404   403   in
	pause.example#ancienne              403   403   403   404   404   403   in

# The link in a message is a secret: whoever has it is the subscriber.
GET /unsubscriptions/:token
	membre                              200   200   200   200   200   200   200
	unknown                             404   404   404   404   404   404   404
POST /unsubscriptions/:token from /unsubscriptions/:token writes list.member_left
	membre                              acted acted acted acted acted acted acted
`

// memberLink is the link with which membre@ leaves the list annonces@.
const memberLink = "lien-de-membre"

// putLists makes a list of each service with one member of each kind and two messages that wait.
func putLists(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	for _, l := range []struct{ by, domain, name string }{
		{cast.Alice, cast.Garrigue, "annonces"}, {cast.David, cast.Velos, "riders"}, {cast.Alice, paused, "ancienne"},
	} {
		_, err := w.Store.CreateList(t.Context(), w.Actor(t, l.by), l.domain, models.NewList{Name: l.name, ListSettings: models.ListSettings{
			Owner: "owner@else.example", ReplyTo: models.ReplyToList, Language: "fr", Posting: models.PostingSubscribers,
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []models.MemberKind{models.Subscribers, models.Moderators} {
			if _, err := w.Store.AddMembers(t.Context(), w.Actor(t, l.by), l.domain, l.name, k, []string{"membre@else.example"}); err != nil {
				t.Fatal(err)
			}
		}
		address := l.name + "@" + l.domain
		m.ids[l.domain+"#"+l.name] = w.ListMessage(t, address, "held", "Léa <lea@else.example>", "<b>Vide-grenier</b>", "\r\nDimanche.")
		w.ListMessage(t, address, "held", "", "", "") // with one more, all can be turned away at once
	}
	w.ListLink(t, "annonces@"+cast.Garrigue, "membre@else.example", memberLink)
}
