// Package cast is the demo world: the people, services and grants that `make
// run`, the tests, the gallery and the README share. It is built through the
// models' own verbs, so that it cannot hold what the panel would refuse.
package cast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/models/totp"
)

// Password signs in every demo person. A production start never creates it.
const Password = "tilleul-orage-2026"

// SamSecret is what Sam's authenticator app has, in base32: staff needs a second
// factor. Like the password it is known to everybody.
const SamSecret = "TILLEULORAGEDEUXMILLEVINGTSIX234"

// The people of the demo world.
const (
	Alice = "ad1001-mdt" // owns Garrigue and Atelier
	Bruno = "bm1002-mdt" // holds a service grant on Garrigue
	Chloe = "cl1003-mdt" // holds account grants on contact@ and accueil@Garrigue
	David = "dn1004-mdt" // owns Velos, holds nothing of Alice's
	Emma  = "ep1005-mdt" // owns nothing, holds nothing
	Sam   = "sam-support"
)

// The services of the demo world.
const (
	Garrigue = "garrigue.example"
	Atelier  = "atelier-durand.example"
	Velos    = "nguyen-velos.example"
)

// Marker is the name of the fact that a database holds the demo world.
const Marker = "demo"

// ErrNotEmpty says that the database holds something else already.
var ErrNotEmpty = errors.New("the database is not empty and is not the demo world: nothing was loaded")

// A Person is one of the cast as the README and `serve --demo` name them.
type Person struct{ Identifier, Name, Email, Language, Does string }

// People lists the cast in the order in which it is introduced.
func People() []Person {
	return []Person{
		{Alice, "Alice Durand", "alice@cabinet-garrigue.example", "fr", "owns garrigue.example and atelier-durand.example"},
		{Bruno, "Bruno Martin", "bruno@infogerance-martin.example", "fr", "was given the whole of garrigue.example"},
		{Chloe, "Chloé Laurent", "chloe@laurent-assistance.example", "fr", "was given contact@ and accueil@garrigue.example"},
		{David, "David Nguyen", "david@nguyen.example", "en", "owns nguyen-velos.example"},
		{Emma, "Emma Petit", "emma@petit.example", "en", "owns nothing and holds nothing"},
	}
}

// Staff is the support agent of the demo world. Until somebody lets them in, they are refused everywhere.
func Staff() Person {
	return Person{Sam, "Sam", "sam@mandat.example", "en", "is support staff, whom nobody has let in"}
}

// An address of the demo world: local part, description, size in GB and use in tenths of a per cent.
type address struct {
	local, description string
	size               float64
	use                int64
}

var garrigue = []address{
	{"accueil", "Accueil du cabinet", 5, 942},
	{"achats", "Service achats", 5, 236},
	{"alice.besson", "Alice Besson", 5, 588},
	{"archives", "Archives 2019–2024", 5, 1000},
	{"bruno.carrel", "Bruno Carrel", 5, 82},
	{"camille.dufour", "Camille Dufour", 5, 774},
	{"candidatures", "Candidatures", 2, 10},
	{"compta", "Comptabilité", 5, 866},
	{"contact", "Contact du site", 5, 172},
	{"direction", "Direction", 5, 612},
	{"elise.faure", "Élise Faure", 5, 346},
	{"facturation", "Facturation", 5, 610},
	{"gilles.hamon", "Gilles Hamon", 5, 0},
	{"helene.imbert", "Hélène Imbert", 5, 442},
	{"info", "Informations générales", 5, 310},
	{"ines.jacob", "Inès Jacob", 5, 128},
	{"julien.klein", "Julien Klein", 5, 553},
	{"juridique", "Service juridique", 5, 701},
	{"karim.lopez", "Karim Lopez", 5, 264},
	{"lea.martin", "Léa Martin", 5, 395},
	{"louis.noel", "Louis Noël", 5, 17},
	{"marie.olivier", "Marie Olivier", 5, 640},
	{"marketing", "Marketing et communication", 5, 487},
	{"nadia.perrin", "Nadia Perrin", 5, 220},
	{"notaire", "Échanges avec les notaires", 5, 330},
	{"olivier.quere", "Olivier Quéré", 5, 51},
	{"paie", "Bulletins de paie", 2, 404},
	{"paul.roche", "Paul Roche", 5, 713},
	{"postmaster", "Messages du serveur", 1, 3},
	{"presse", "Relations presse", 2, 95},
	{"reunions", "Salles et réunions", 1, 12},
	{"rh", "Ressources humaines", 5, 528},
	{"sarah.simon", "Sarah Simon", 5, 279},
	{"secretariat", "Secrétariat", 5, 805},
	{"stages", "Stages et alternance", 2, 60},
	{"support", "Aide aux clients", 5, 369},
	{"thomas.urbain", "Thomas Urbain", 5, 417},
	{"veille", "Veille juridique", 5, 208},
	{"victor.weber", "Victor Weber", 5, 150},
	{"yasmine.zidane", "Yasmine Zidane", 5, 91},
}

var atelier = []address{
	{"alice", "Alice Durand", 5, 322}, {"atelier", "L’atelier", 5, 140}, {"commandes", "Commandes", 5, 505}, {"devis", "Devis", 2, 71},
}

var velos = []address{
	{"atelier", "Workshop", 5, 233}, {"david", "David Nguyen", 5, 678}, {"hello", "Shop", 5, 451},
}

// Load builds the demo world in an empty database and leaves its marker. With
// the marker already there it does nothing; any other database is ErrNotEmpty.
func Load(ctx context.Context, s *models.Store) error {
	marked, err := s.Marker(ctx, Marker)
	if err != nil || marked != "" {
		return err
	}
	empty, err := s.Empty(ctx)
	if err != nil {
		return err
	}
	if !empty {
		return ErrNotEmpty
	}
	w := world{s: s, ctx: models.Quietly(ctx), ids: map[string]models.Actor{}}
	w.people()
	w.services()
	w.grants()
	w.responders()
	w.lists()
	w.filters()
	w.redirections()
	if w.err != nil {
		return fmt.Errorf("demo world: %w", w.err)
	}
	return s.SetMarker(ctx, Marker, "1")
}

// world builds in steps; after the first error the others do nothing.
type world struct {
	s   *models.Store
	ctx context.Context
	ids map[string]models.Actor
	err error
}

func (w *world) do(fn func() error) {
	if w.err == nil {
		w.err = fn()
	}
}

func (w *world) people() {
	for _, p := range People() {
		w.do(func() error {
			c, err := w.s.AddCustomer(w.ctx, models.NewCustomer{
				Identifier: p.Identifier, Name: p.Name, Email: p.Email, Language: p.Language, TimeZone: "Europe/Paris", Password: Password,
			})
			if err == nil {
				w.ids[p.Identifier] = models.Actor{Customer: c.ID}
			}
			return err
		})
	}
	w.do(func() error {
		p := Staff()
		a, err := w.s.AddAgent(w.ctx, models.NewAgent{Identifier: p.Identifier, Name: p.Name, Email: p.Email, Language: p.Language, Role: "agent", Password: Password})
		if err != nil || !w.s.KeepsFactors() { // then Sam is asked to enrol, and told why that cannot be
			return err
		}
		return w.app(models.Actor{Agent: a.ID}, SamSecret)
	})
}

// app gives somebody an authenticator app. It is confirmed with the code of a
// moment ago, so that the one of this moment is still to be used.
func (w *world) app(by models.Actor, secret string) error {
	e, err := w.s.EnrolmentOf(w.ctx, by, secret)
	if err != nil {
		return err
	}
	code, err := totp.Code(secret, w.s.Now().Add(-totp.Period))
	if err != nil {
		return err
	}
	_, err = w.s.EnrolFactor(w.ctx, by, models.NewFactor{Name: "Demo", Sealed: e.Sealed, Code: code})
	return err
}

func (w *world) services() {
	for _, sv := range []struct {
		domain, owner string
		addresses     []address
	}{{Garrigue, Alice, garrigue}, {Atelier, Alice, atelier}, {Velos, David, velos}} {
		w.do(func() error {
			_, err := w.s.AddService(w.ctx, models.NewService{Domain: sv.domain, Owner: sv.owner})
			return err
		})
		for _, a := range sv.addresses {
			w.do(func() error { return w.account(w.ids[sv.owner], sv.domain, a) })
		}
	}
	w.do(func() error { return w.s.BlockAccount(w.ctx, w.ids[Alice], Garrigue, "louis.noel") })
}

func (w *world) account(by models.Actor, domain string, a address) error {
	size := int64(a.size * models.GB)
	_, err := w.s.CreateAccount(w.ctx, by, domain, models.NewAccount{Local: a.local, Description: a.description, SizeBytes: size})
	if err != nil {
		return fmt.Errorf("%s@%s: %w", a.local, domain, err)
	}
	return w.s.RecordUsage(w.ctx, a.local+"@"+domain, size/1000*a.use)
}

func (w *world) grants() {
	nextWeek := w.s.Now().Add(7 * 24 * time.Hour)
	w.do(func() error {
		_, err := w.s.ShareService(w.ctx, w.ids[Alice], Garrigue, models.GrantRequest{
			Identifiers: []string{Bruno}, Ticked: policy.Defaults(policy.OnService), Note: "Infogérance, contrat annuel",
		})
		return err
	})
	w.delegate("contact", models.GrantRequest{Identifiers: []string{Chloe}, Ticked: policy.Password})
	w.delegate("accueil", models.GrantRequest{Identifiers: []string{Chloe}, Ticked: policy.Password, ExpiresAt: &nextWeek, Note: "Remplacement à l’accueil"})
	ended := w.delegate("compta", models.GrantRequest{Identifiers: []string{Chloe}, Ticked: policy.Password})
	w.do(func() error {
		_, err := w.s.Revoke(w.ctx, w.ids[Alice], ended)
		return err
	})
}

// delegate gives one account of Alice's and returns the grant.
func (w *world) delegate(local string, r models.GrantRequest) (id int64) {
	w.do(func() error {
		given, err := w.s.DelegateAccount(w.ctx, w.ids[Alice], Garrigue, local, r)
		if err == nil {
			id = given.Given[0].ID
		}
		return err
	})
	return id
}

// responders are one that is planned, of an account, and one that is on, of an
// address that has no mailbox any more.
func (w *world) responders() {
	begins, ends := w.s.Now().AddDate(0, 0, 5), w.s.Now().AddDate(0, 0, 19)
	w.do(func() error {
		return w.s.SetResponder(w.ctx, w.ids[Alice], Garrigue, "lea.martin", models.ResponderForm{
			Subject: "Absence", Content: "Bonjour,\n\nje suis absente et vous répondrai à mon retour.\n\nLéa Martin", StartsAt: &begins, EndsAt: &ends,
		})
	})
	w.do(func() error {
		_, err := w.s.CreateResponder(w.ctx, w.ids[Alice], Garrigue, "ancien.cabinet", models.ResponderForm{
			Subject: "Nouvelle adresse", Content: "Bonjour,\n\ncette adresse n’est plus utilisée. Écrivez à contact@garrigue.example.", Days: 7,
		})
		return err
	})
}

// lists is one, of people of the house and one outside.
func (w *world) lists() {
	w.do(func() error {
		_, err := w.s.CreateList(w.ctx, w.ids[Alice], Garrigue, models.NewList{Name: "equipe", ListSettings: models.ListSettings{
			Owner: "rh@" + Garrigue, ReplyTo: models.ReplyToList, Language: "fr", Posting: models.PostingSubscribers,
		}})
		return err
	})
	w.do(func() error {
		_, err := w.s.AddMembers(w.ctx, w.ids[Alice], Garrigue, "equipe", models.Subscribers, []string{
			"alice.besson@" + Garrigue, "bruno.carrel@" + Garrigue, "camille.dufour@" + Garrigue, "david@" + Velos, "elise.faure@" + Garrigue, "gilles.hamon@" + Garrigue,
		})
		return err
	})
}

// redirections are an alias, an account that keeps a copy, one that sends its
// mail out of the service, and the catch-all of the small service.
func (w *world) redirections() {
	for _, r := range []struct {
		domain string
		models.NewRedirection
	}{
		{Garrigue, models.NewRedirection{Local: "cabinet", Targets: "accueil@" + Garrigue}},
		{Garrigue, models.NewRedirection{Local: "presse", Targets: "marketing@" + Garrigue, KeepCopy: true}},
		{Garrigue, models.NewRedirection{Local: "gilles.hamon", Targets: "hamon@ancien-cabinet.example"}},
		{Atelier, models.NewRedirection{CatchAll: true, Targets: "atelier@" + Atelier}},
	} {
		w.do(func() error {
			_, err := w.s.CreateRedirection(w.ctx, w.ids[Alice], r.domain, r.NewRedirection)
			return err
		})
	}
}

// filters are two of an address that much arrives at.
func (w *world) filters() {
	for _, f := range []models.FilterForm{
		{
			Name: "Lettres d’information", Match: models.MatchAny, Action: "folder", Target: "Lettres d’information",
			Rules: []models.FilterRule{{Header: "list", Operator: "yes"}, {Header: "subject", Operator: "begins", Value: "[Lettre]"}},
		},
		{Name: "Indésirables", Action: "delete", Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: "[SPAM]"}}},
	} {
		w.do(func() error {
			_, err := w.s.CreateFilter(w.ctx, w.ids[Alice], Garrigue, "veille", f)
			return err
		})
	}
}
