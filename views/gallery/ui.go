package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// say is a demo text that no catalogue has.
func say(l *locale.Locale, french, english string) string {
	if l.Lang() == "fr" {
		return french
	}
	return english
}

var parts = []Entry{
	{Name: "ui/buttons", Part: true, Component: func(*locale.Locale, views.Page) templ.Component { return buttons() }},
	{Name: "ui/fields", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component { return fields(l) }},
	{Name: "ui/messages", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component { return messages(l, p) }},
	{Name: "ui/panel", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component { return panel(l, p) }},
	{Name: "ui/empty", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component { return empty(l) }},
	{Name: "ui/facts", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component { return facts(l) }},
}

// A row is a mailbox of the demo table.
type row struct {
	local, name string
	used, size  int64
	state       ui.Tone
	stateIcon   string
	stateText   string
	filters     int64
	managers    []string
}

func (r row) percent() int { return int(r.used * 100 / r.size) }

// rows are the 25 rows of one page.
func rows(l *locale.Locale) []row {
	const gb = 1_000_000_000
	all := []row{
		{local: "accueil", name: "Accueil du cabinet", used: 4.71 * gb, filters: 3, managers: []string{"cl1003-mdt"}},
		{local: "achats", name: "Service achats", used: 1.18 * gb},
		{local: "alice.besson", name: "Alice Besson", used: 2.94 * gb, filters: 5},
		{local: "archives", name: "Archives 2019–2024", used: 9.98 * gb, size: 10 * gb, filters: 1, managers: []string{"bm1002-mdt", "ep1005-mdt"}},
		{local: "bruno.carrel", name: "Bruno Carrel", used: 0.41 * gb},
		{local: "camille.dufour", name: "Camille Dufour", used: 3.87 * gb, filters: 2, managers: []string{"bm1002-mdt"}},
		{local: "candidatures", name: "Candidatures", used: 0.02 * gb, size: 2 * gb, filters: 7, managers: []string{"cl1003-mdt", "bm1002-mdt", "ep1005-mdt"}},
		{local: "compta", name: "Comptabilité", used: 4.33 * gb, filters: 4, managers: []string{"bm1002-mdt"}},
		{local: "contact", name: "Contact du site", used: 0.86 * gb, filters: 2, managers: []string{"cl1003-mdt"}},
		{local: "direction", name: "Direction", used: 6.12 * gb, size: 10 * gb, filters: 1},
		{local: "elise.faure", name: "Élise Faure", used: 1.73 * gb},
		{local: "facturation", name: "Facturation", used: 3.05 * gb, filters: 3, managers: []string{"bm1002-mdt"}},
		{local: "gilles.hamon", name: "Gilles Hamon"},
		{local: "helene.imbert", name: "Hélène Imbert", used: 2.21 * gb, filters: 1},
		{local: "info", name: "Informations", used: 0.64 * gb},
		{local: "jeanne.kervella", name: "Jeanne Kervella", used: 3.4 * gb},
		{local: "juridique", name: "Service juridique", used: 4.1 * gb, filters: 2},
		{local: "karim.lahlou", name: "Karim Lahlou", used: 0.93 * gb},
		{local: "louis.marchand", name: "Louis Marchand", used: 1.5 * gb},
		{local: "marches-publics-et-appels-d-offres", name: "Marchés publics et appels d’offres", used: 2.75 * gb, filters: 12, managers: []string{"bm1002-mdt"}},
		{local: "nadia.olivier", name: "Nadia Olivier", used: 0.2 * gb},
		{local: "odile.perrin", name: "Odile Perrin", used: 1.1 * gb},
		{local: "paie", name: "Paie", used: 3.99 * gb, filters: 1},
		{local: "postmaster", name: "", used: 0.01 * gb, size: 1 * gb},
		{local: "quentin.roussel", name: "Quentin Roussel", used: 0.77 * gb},
	}
	for i := range all {
		r := &all[i]
		if r.size == 0 {
			r.size = 5 * gb
		}
		switch {
		case r.percent() >= 99:
			r.state, r.stateIcon, r.stateText = ui.Crit, "circle-alert", say(l, "Pleine", "Full")
		case r.used == 0:
			r.stateIcon, r.stateText = "clock", say(l, "Jamais utilisée", "Never used")
		case r.local == "karim.lahlou":
			r.state, r.stateIcon, r.stateText = ui.Warn, "ban", say(l, "Bloquée", "Blocked")
		default:
			r.state, r.stateIcon, r.stateText = ui.OK, "check", say(l, "Active", "Active")
		}
	}
	return all
}

func (r row) path() string { return "/services/garrigue.example/emails/" + r.local }

func (r row) menu(l *locale.Locale, id string) ui.MenuArgs {
	return ui.MenuArgs{
		ID:    id,
		Label: say(l, "Actions pour ", "Actions for ") + r.local + "@garrigue.example",
		Form:  "act",
		Items: []ui.MenuItem{
			{Label: say(l, "Réglages", "Settings"), Path: r.path()},
			{Label: say(l, "Changer le mot de passe", "Change the password"), Path: r.path() + "/password", Panel: true},
			{Label: say(l, "Filtres", "Filters"), Path: r.path() + "/filters"},
			{Label: say(l, "Répondeur", "Responder"), Path: r.path() + "/responder", Panel: true},
			{Label: say(l, "Délégation de la gestion", "Delegate management"), Path: r.path() + "/grants", Panel: true},
			{Label: say(l, "Importer des emails", "Import mail"), Path: r.path() + "/imports"},
			{Label: say(l, "Bloquer", "Block"), Path: r.path() + "/block", Post: true},
			{Label: say(l, "Supprimer l’adresse", "Delete the address"), Path: r.path() + "/deletion", Danger: true},
		},
	}
}
