package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/models/modelstest"
)

// matrix is what every person gets from every route, on every kind of object:
// the permission table of the product as somebody at a browser meets it. A
// route without a row fails the test, and so does a row that the policy does
// not agree with (see matrix_rule_test.go, which also describes the world).
//
// A heading has the route, with a query if it takes its object there; for a
// change also the page it is made from, what is filled in, and the event that it
// writes. Then there is a line for each object:
//
//	done   303, and the event is written; those in brackets by some only
//	303    leads elsewhere and changes nothing that matters
//	acted  200, and the event is written: whoever asks must not be led elsewhere
//	in     303, to the sign-in page
//	out    303, to the sign-in page, and the session has ended
//	200 …  that status, and not a row has changed
const matrix = `
                                        Alice Bruno Chloé David Emma  Sam   nobody

GET /
	-                                   303   303   303   303   303   303   in
GET /sign-in
	-                                   303   303   303   303   303   303   200
POST /session from /sign-in fill identifier=ep1005-mdt&password=tilleul-orage-2026&next=/services
	-                                   303   303   303   303   303   303   303
GET /session/factor
	-                                   in    in    in    in    in    in    in
POST /session/factor fill code=123456
	-                                   422   422   422   422   422   422   422
POST /session/end from /services
	-                                   out   out   out   out   out   out   in
GET /password-links/:token
	emma                                200   200   200   200   200   200   200
	unknown                             404   404   404   404   404   404   404
POST /password-links/:token from /password-links/:token fill password=citron-brume-1987&password_again=citron-brume-1987 writes profile.password_set
	emma                                done  done  done  done  done  done  done
	unknown                             404   404   404   404   404   404   404
POST /preferences from /services fill theme=dark&next=/profile writes profile.changed
	-                                   done  done  done  done  done  303   303

GET /profile
	-                                   200   200   200   200   200   403   in
POST /profile from /profile fill name=Another+Name writes profile.changed
	-                                   done  done  done  done  done  403   in
GET /profile/password
	-                                   200   200   200   200   200   403   in
POST /profile/password from /profile/password fill current=tilleul-orage-2026&password=citron-brume-1987&password_again=citron-brume-1987 writes profile.password_set (consent.closed)
	-                                   done  done  done  done  done  403   in
GET /history
	-                                   200   200   200   200   200   403   in
GET /services
	-                                   200   200   200   200   200   403   in

GET /services/:domain
	garrigue.example                    200   200   303   404   404   403   in
	atelier-durand.example              200   200   303   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   303   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/dns
	garrigue.example                    200   200   303   404   404   403   in
	atelier-durand.example              200   200   303   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   303   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/history
	garrigue.example                    200   200   200   404   404   403   in
	atelier-durand.example              200   200   200   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   200   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in

GET /services/:domain/emails
	garrigue.example                    200   200   200   404   404   403   in
	atelier-durand.example              200   200   200   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   200   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/emails.csv
	garrigue.example                    200   200   200   404   404   403   in
	atelier-durand.example              200   200   200   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   200   200   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/new-email
	garrigue.example                    200   200   403   404   404   403   in
	atelier-durand.example              200   200   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/emails from /services/:domain/new-email fill local=nouvelle&description=Neuve writes account.created
	garrigue.example                    done  done  403   404   404   403   in
	atelier-durand.example              done  done  403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in

GET /services/:domain/emails/:local
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   200   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   200   200   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local from /services/:domain/emails/:local fill description=Autre+chose writes account.changed
	contact@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	info@garrigue.example               done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  done  404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/emails/:local/password
	contact@garrigue.example            200   200   200   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	info@garrigue.example               200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   403   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/password from /services/:domain/emails/:local/password fill password=citron-brume-1987&password_again=citron-brume-1987 writes account.password_set
	contact@garrigue.example            done  done  done  404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	info@garrigue.example               done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  403   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/block from /services/:domain/emails/:local writes account.blocked
	contact@garrigue.example            done  done  403   404   404   403   in
	compta@garrigue.example             done  done  404   404   404   403   in
	accueil@garrigue.example            303   303   403   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/unblock from /services/:domain/emails/:local writes account.unblocked
	contact@garrigue.example            303   303   403   404   404   403   in
	accueil@garrigue.example            done  done  403   404   404   403   in
	louis.noel@garrigue.example         done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	hello@nguyen-velos.example          404   404   404   303   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /services/:domain/emails/:local/deletion
	contact@garrigue.example            200   200   403   404   404   403   in
	compta@garrigue.example             200   200   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/deletion from /services/:domain/emails/:local/deletion fill confirm=:local writes account.deleted
	compta@garrigue.example             done  done  404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	archives@garrigue.example           done  done  404   404   404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/deletion from /services/:domain/emails/:local/deletion fill confirm=:local writes account.deleted grant.object
	contact@garrigue.example            done  done  403   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in

GET /services/:domain/grants
	garrigue.example                    200   403   403   404   404   403   in
	atelier-durand.example              200   403   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
POST /services/:domain/grants from /services/:domain/grants fill identifiers=ep1005-mdt writes grant.given
	garrigue.example                    done  403   403   404   404   403   in
	atelier-durand.example              done  403   403   404   404   403   in
	nguyen-velos.example                404   404   404   done  404   403   in
	pause.example                       403   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /services/:domain/emails/:local/grants
	contact@garrigue.example            200   403   403   404   404   403   in
	compta@garrigue.example             200   403   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /services/:domain/emails/:local/grants from /services/:domain/emails/:local/grants fill identifiers=ep1005-mdt writes grant.given
	contact@garrigue.example            done  403   403   404   404   403   in
	compta@garrigue.example             done  403   404   404   404   403   in
	info@garrigue.example               done  403   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in

# Several at once: rights are asked of the service, and what is said of an
# account does not tell whether it is there.
GET /grants/new?accounts=:address
	contact@garrigue.example            200   403   403   404   404   403   in
	compta@garrigue.example             200   403   403   404   404   403   in
	ghost@garrigue.example              200   403   403   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	contact@pause.example               200   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
POST /grants from /grants/new?accounts=:address fill accounts=:address&identifiers=ep1005-mdt writes grant.given
	contact@garrigue.example            done  403   403   404   404   403   in
	compta@garrigue.example             done  403   403   404   404   403   in
	ghost@garrigue.example              404   403   403   404   404   403   in
	devis@atelier-durand.example        done  done  403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   done  404   403   in
	contact@pause.example               403   403   403   404   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in
GET /identifiers?q=ep1005-mdt
	-                                   200   200   200   200   200   403   in
GET /identifiers?q=ep1005-mdt&domain=:domain
	garrigue.example                    200   403   403   404   404   403   in
	nguyen-velos.example                404   404   404   200   404   403   in
	pause.example                       200   403   403   404   404   403   in
	nobody.example                      404   404   404   404   404   403   in
GET /identifiers?q=ep1005-mdt&domain=:domain&local=:local
	contact@garrigue.example            200   403   403   404   404   403   in
	compta@garrigue.example             200   403   404   404   404   403   in
	ghost@garrigue.example              404   404   404   404   404   403   in
	devis@atelier-durand.example        200   200   403   404   404   403   in
	hello@nguyen-velos.example          404   404   404   200   404   403   in
	ghost@nobody.example                404   404   404   404   404   403   in

GET /grants/:id
	bruno/garrigue.example              200   200   404   404   404   403   in
	chloe/accueil@garrigue.example      200   404   200   404   404   403   in
	chloe/compta@garrigue.example       200   404   200   404   404   403   in
	chloe/info@garrigue.example         200   404   200   404   404   403   in
	chloe/devis@atelier-durand.example  200   200   200   404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   200   404   403   in
	bruno/pause.example                 200   200   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /grants/:id from /grants/:id fill note=Autrement writes grant.changed
	bruno/garrigue.example              done  403   404   404   404   403   in
	chloe/accueil@garrigue.example      done  404   403   404   404   403   in
	chloe/compta@garrigue.example       422   404   403   404   404   403   in
	chloe/info@garrigue.example         422   404   403   404   404   403   in
	chloe/devis@atelier-durand.example  done  done  403   404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   done  404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in
GET /grants/:id/revocation
	bruno/garrigue.example              200   403   404   404   404   403   in
	chloe/accueil@garrigue.example      200   404   403   404   404   403   in
	chloe/compta@garrigue.example       200   404   403   404   404   403   in
	chloe/info@garrigue.example         200   404   403   404   404   403   in
	chloe/devis@atelier-durand.example  200   200   403   404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   200   404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /grants/:id/revocation from /grants/:id/revocation writes grant.revoked
	bruno/garrigue.example              done  403   404   404   404   403   in
	chloe/accueil@garrigue.example      done  404   403   404   404   403   in
	chloe/compta@garrigue.example       303   404   403   404   404   403   in
	chloe/devis@atelier-durand.example  done  done  403   404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   done  404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /grants/:id/revocation from /grants/:id/revocation writes grant.revoked grant.revoked
	bruno/atelier-durand.example        done  403   404   404   404   403   in
POST /grants/:id/restoration writes grant.restored
	bruno/garrigue.example              303   403   404   404   404   403   in
	chloe/accueil@garrigue.example      303   404   403   404   404   403   in
	chloe/compta@garrigue.example       422   404   403   404   404   403   in
	chloe/info@garrigue.example         303   404   403   404   404   403   in
	chloe/commandes@atelier-durand.example done done 403  404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   303   404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /grants/:id/extension from /grants/:id writes grant.changed
	bruno/garrigue.example              303   403   404   404   404   403   in
	chloe/accueil@garrigue.example      done  404   403   404   404   403   in
	chloe/compta@garrigue.example       422   404   403   404   404   403   in
	chloe/info@garrigue.example         422   404   403   404   404   403   in
	chloe/devis@atelier-durand.example  303   303   403   404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   done  404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /grants/:id/resignation from /grants/:id writes grant.resigned
	bruno/garrigue.example              403   done  404   404   404   403   in
	chloe/accueil@garrigue.example      403   404   done  404   404   403   in
	chloe/compta@garrigue.example       403   404   303   404   404   403   in
	chloe/devis@atelier-durand.example  403   403   done  404   404   403   in
	felix/hello@nguyen-velos.example    404   404   404   403   404   403   in
	bruno/pause.example                 403   403   404   404   404   403   in
	none                                404   404   404   404   404   403   in

# Who comes upon a grant that time has ended closes it, in nobody's name.
POST /grants/:id/revocation writes grant.expired
	chloe/info@garrigue.example         done  404   403   404   404   403   in
POST /grants/:id/resignation writes grant.expired
	chloe/info@garrigue.example         403   404   done  404   404   403   in

GET /healthz
	-                                   200   200   200   200   200   200   200
GET /readyz
	-                                   200   200   200   200   200   200   200
`

// An entry is one heading of the matrix with its lines.
type entry struct {
	method, path, query string
	from                string // the page with the form
	fill                string // what is typed into it
	writes              []string
	lines               []line
}

type line struct {
	object string
	cells  []string // of people, in order
}

func (e entry) route() string { return e.method + " " + e.path }

// matrices are the parts of the matrix: one for what every service has, and one
// for each noun that has a file of its own.
var matrices = []string{
	matrix,
	bulkMatrix,
	respondersMatrix,
	listsMatrix,
	filtersMatrix,
	redirectionsMatrix,
	uploadsMatrix,
	importsMatrix,
	assistancesMatrix,
	sessionsMatrix,
	passkeysMatrix,
	factorsMatrix,
	identitiesMatrix,
}

func readMatrix(t testing.TB) []entry {
	t.Helper()
	return readEntries(t, strings.Join(matrices, "\n"), len(people))
}

// readEntries reads a table with a cell for each of so many columns.
func readEntries(t testing.TB, table string, columns int) (entries []entry) {
	t.Helper()
	for text := range strings.Lines(table) {
		words := strings.Fields(text)
		switch {
		case len(words) == 0 || strings.HasPrefix(text, "#") || strings.HasPrefix(text, " "):
		case strings.HasPrefix(text, "\t"):
			if len(words) != 1+columns || len(entries) == 0 {
				t.Fatalf("a line of the matrix has an object and %d cells: %s", columns, text)
			}
			last := &entries[len(entries)-1]
			last.lines = append(last.lines, line{words[0], words[1:]})
		default:
			e := entry{method: words[0]}
			e.path, e.query, _ = strings.Cut(words[1], "?")
			for rest := words[2:]; len(rest) > 1; {
				switch rest[0] {
				case "from":
					e.from, rest = rest[1], rest[2:]
				case "fill":
					e.fill, rest = rest[1], rest[2:]
				case "writes":
					e.writes, rest = rest[1:], nil
				default:
					t.Fatalf("%q in the heading %s", rest[0], text)
				}
			}
			entries = append(entries, e)
		}
	}
	return entries
}

func TestEveryRouteHasItsRowsInTheMatrix(t *testing.T) {
	entries := readMatrix(t)
	routes := map[string]handlers.Route{}
	for _, r := range handlers.Routes() {
		routes[r.Method+" "+r.Path] = r
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.route() == r.Method+" "+r.Path && len(e.lines) > 0 }) {
			t.Errorf("%s %s has no row in the matrix", r.Method, r.Path)
		}
	}
	for _, e := range entries {
		if _, found := routes[e.route()]; !found {
			t.Errorf("the matrix has %s, the panel has not", e.route())
		}
	}
}

// The table and the policy are written by different hands: neither may drift from the other.
func TestTheMatrixIsWhatThePolicySays(t *testing.T) {
	routes := map[string]handlers.Route{}
	for _, r := range handlers.Routes() {
		routes[r.Method+" "+r.Path] = r
	}
	for _, e := range readMatrix(t) {
		for _, l := range e.lines {
			for i, cell := range l.cells {
				if got, want := verdict(cell), ruled(t, routes[e.route()], l.object, people[i]); got != want {
					t.Errorf("%s on %s by %s: the table says %s (%s), the policy %s", e.route(), l.object, people[i].name, cell, got, want)
				}
			}
		}
	}
}

// verdict is what a cell says about the right.
func verdict(cell string) string {
	switch cell {
	case "403", "404", "in":
		return cell
	}
	return allowed
}

func TestTheMatrix(t *testing.T) {
	entries := readMatrix(t)
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		var cells int
		for _, e := range entries {
			hidden := map[string]string{} // by person: the page of an object out of reach
			for _, l := range e.lines {
				kept := false // something was asked that must change nothing
				look := func() {
					if kept {
						m.was.wantSame(t, w, fmt.Sprintf("%s %s, by one who may not, or to look at", e.route(), l.object))
					}
					kept = false
				}
				for i, cell := range l.cells {
					cells++
					what := fmt.Sprintf("%s %s by %s", e.route(), l.object, people[i].name)
					var a *answer
					if e.method == http.MethodPost && slices.Contains([]string{"done", "303", "out", "acted"}, cell) {
						look() // before it is put back
						a = m.change(t, what, e, l.object, people[i], cell)
						m.restore()
					} else {
						a, kept = m.keep(t, what, e, l.object, people[i], cell), true
					}
					wantHeaders(t, what, a)
					if cell == "404" {
						page := withoutChance(a)
						if first, seen := hidden[people[i].name]; seen && page != first {
							t.Errorf("%s looks different from other objects out of reach:\n%s\n\n%s", what, page, first)
						}
						hidden[people[i].name] = page
					}
				}
				look()
			}
		}
		t.Logf("%d cells", cells)
	})
}

// A fragment is decided as its page is: the same statuses, and 401 with the way
// to sign in for whoever has no session. What is out of reach looks as what is
// not there does, in the panel and in a list.
func TestTheMatrixInFragments(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		for _, target := range []string{"dialog#panel", "div#list"} {
			for _, e := range readMatrix(t) {
				if e.method != http.MethodGet {
					continue
				}
				hidden := map[string]string{}
				for _, l := range e.lines {
					for i, cell := range l.cells {
						what := fmt.Sprintf("%s %s by %s into %s", e.route(), l.object, people[i].name, target)
						path := m.fill(e.path, l.object)
						if e.query != "" {
							path += "?" + m.fill(e.query, l.object)
						}
						a := m.visit(t, people[i]).get(path, "HX-Request", "true", "HX-Target", target)
						wantHeaders(t, what, a)
						if cell == "in" && e.path != "/" && e.path != "/session/factor" { // which no page asks for a part of
							leads := strings.HasPrefix(a.header.Get("HX-Redirect"), "/sign-in")
							quiet := e.path == "/identifiers" // asked for while somebody types, which must not lead them away
							if a.status != http.StatusUnauthorized || leads == quiet || a.body != "" {
								t.Errorf("%s: %d, leads to %q", what, a.status, a.header.Get("HX-Redirect"))
							}
							continue
						}
						wantCell(t, what, a, cell)
						if cell == "404" {
							page := withoutChance(a)
							if first, seen := hidden[people[i].name]; seen && page != first {
								t.Errorf("%s looks different from other objects out of reach:\n%s\n\n%s", what, page, first)
							}
							hidden[people[i].name] = page
						}
					}
				}
			}
		}
		m.was.wantSame(t, w, "fragments")
	})
}
