package handlers_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/models/modelstest"
)

// statements is how many statements each route sends to PostgreSQL, begin and
// commit apart: a number that grows here is noticed. A page has room for three,
// the tab Emails for two, a change for eight; a line beyond that says why.
//
// A change reads the session, claims its form, locks the service, reads the
// right, writes its event and leaves a message for the next page: six, before
// it has done anything. Delegates write the last use of their grant besides,
// once an hour, and so do these here. A notice is one, and one of the queue that
// sends it, however many people are told.
const statements = `
GET  /                                             -                              Alice  1
GET  /sign-in                                      -                              Alice  1
GET  /sign-in                                      -                              nobody 0
POST /session                                      -                              nobody 9   the person is locked, and their factors counted
POST /session                                      -                              Alice  11  the same, the session that ends is read, and ended
GET  /session/factor                               -                              nobody 1
POST /session/factor                               -                              nobody 1
POST /session/passkey/challenge                    -                              nobody 3
POST /session/passkey                              -                              nobody 0
POST /session/factor/challenge                     -                              nobody 1
POST /session/end                                  -                              Alice  2
GET  /session/ended                                -                              nobody 0
POST /session/oidc                                 -                              nobody 2
GET  /session/oidc                                 -                              nobody 1
GET  /session/oidc/callback?code=x&state=y         -                              nobody 0
POST /session/oidc/callback                        -                              nobody 0
GET  /password-links/:token                        emma                           nobody 2
POST /password-links/:token                        emma                           nobody 14+1 whose it is, for the log, the factors are counted, what the old password had opened is forgotten, the notice
GET  /password-resets/new                          -                              nobody 0
POST /password-resets                              -                              nobody 4+1
GET  /password-resets                              -                              nobody 0
POST /preferences                                  -                              Alice  5
POST /preferences                                  -                              nobody 0

GET  /profile                                      -                              Alice  3
POST /profile                                      -                              Alice  10  an event of no service, and its lock
GET  /profile/password                             -                              Alice  3   what the least length hangs on
POST /profile/password                             -                              Alice  23+1 the guess is counted, and taken back; the factors are counted, what the old password had opened is forgotten; the session has a new reference; the notice
GET  /profile/contact                              -                              Alice  2
POST /profile/contact                              -                              Alice  11+2 those of the day are counted; the link and the notice
POST /profile/contact/cancellation                 -                              Alice  7
GET  /profile/contact/confirmation/:token          contact-of-Alice               Alice  2
POST /profile/contact/confirmation/:token          contact-of-Alice               Alice  13+1 the one before is kept for its notices, links to it end
GET  /profile/factors                              -                              David  8   the person, the apps, the codes left, the browsers, the passkeys; the person and their ways in
GET  /profile/factors                              -                              Alice  8   the same
GET  /profile/factors/new                          -                              Alice  2
POST /profile/factors                              -                              Alice  15+1  the proof, the person is locked, the apps and codes are counted, made and sealed; the session has a new reference
GET  /profile/factors/:id                          factor-of-David                David  5   the person and their ways in
POST /profile/factors/:id                          factor-of-David                David  11  the person is read with the app and again, and locked
GET  /profile/factors/:id/removal                  factor-of-David                David  5   the person and their ways in
POST /profile/factors/:id/removal                  factor-of-David                David  15+1  the proof, what hung on the last factor
GET  /profile/recovery-codes                       -                              David  3
POST /profile/recovery-codes                       -                              David  11+1  the proof, the factors are counted
POST /profile/devices/removal                      -                              David  7
POST /profile/devices/:id/removal                  device-of-David                David  7
GET  /profile/sessions                             -                              Alice  2
GET  /profile/identities                           -                              Alice  3
POST /profile/identities                           -                              Bruno  5
GET  /profile/identities/proof?next=/profile       -                              Alice  1
GET  /profile/identities/:id/removal               identity-of-Alice              Alice  5   the person and their ways in
POST /profile/identities/:id/removal               identity-of-Alice              Alice  13+1 the person, the proof, the person is locked, their ways in, the session that asks stays, the notice
POST /profile/sessions/end                         -                              Alice  13  an event of no service, and its lock
POST /profile/sessions/:id/end                     session-of-Alice               Alice  8
GET  /profile/passkeys/new                         -                              Alice  2
POST /profile/passkeys/challenge                   -                              Alice  9   who asks, the bounds on challenges, the handle
POST /profile/passkeys                             -                              Alice  2
GET  /profile/passkeys/:id                         passkey-of-Alice               Alice  2
POST /profile/passkeys/:id                         passkey-of-Alice               Alice  10  the passkey is read with its person's and again, and the person locked
GET  /profile/passkeys/:id/removal                 passkey-of-Alice               Alice  4   the person and their ways in
POST /profile/passkeys/:id/removal                 passkey-of-Alice               Alice  11+1 who asks is looked up, and locked; their ways in, the notice
POST /profile/proof/challenge                      -                              Alice  6
GET  /history                                      -                              Alice  2
GET  /services                                     -                              Alice  3

GET  /profile/support                              -                              Alice  4  what is open, and what has been
POST /profile/support                              -                              Alice  12+1 the window before is ended, with what rests on it; the notice
POST /profile/support/code                         -                              Alice  14+1 the guess is hashed; the code before is ended; the notice
POST /profile/support/end                          -                              Alice  10  the lock of who begins, and what support does
GET  /profile/support/:id                          past                           Alice  4   its pages and changes
POST /profile/support/:id/acceptance               asked                          David  10+1 an event of no service, and its lock
POST /profile/support/:id/refusal                  asked                          David  7
POST /profile/support/:id/end                      asked                          David  7
GET  /support?q=durand                             -                              Sam    5  the search is counted, what is open, emergencies
GET  /assistances/new                              -                              Sam    1
POST /assistances                                  -                              Sam    15  the search is counted, who is staff, consent and its lock, what they left open
GET  /assistances/change                           -                              Sam    1
POST /assistances/change                           -                              Sam    4
POST /assistances/renewal                          -                              Sam    3
POST /assistances/end                              -                              Sam    4
GET  /support/assistances                          -                              Sam    2
GET  /support/assistances/:id                      past                           Sam    4   its pages and changes
POST /support/assistances/:id/approval             emergency                      Sam    13+2 whether a lead hears, an event of no service, and its lock
POST /support/assistances/:id/end                  asked                          Sam    1

GET  /services/:domain                             garrigue.example               Alice  3
GET  /services/:domain/dns                         garrigue.example               Alice  2
GET  /services/:domain                             garrigue.example               Bruno  3
GET  /services/:domain                             garrigue.example               Chloé  2
GET  /services/:domain                             nobody.example                 Alice  2
GET  /services/:domain/history                     garrigue.example               Alice  3
GET  /services/:domain/history                     garrigue.example               Chloé  3
GET  /services/:domain/emails                      garrigue.example               Alice  1
GET  /services/:domain/emails                      garrigue.example               Chloé  1
GET  /services/:domain/emails                      nobody.example                 Alice  2
GET  /services/:domain/emails                      garrigue.example               nobody 1
GET  /services/:domain/emails.csv                  garrigue.example               Alice  2
GET  /services/:domain/new-email                   garrigue.example               Alice  2
POST /services/:domain/emails                      garrigue.example               Alice  9   words to search by, the counter of the service
POST /services/:domain/emails                      garrigue.example               Bruno  10  the same, the last use
GET  /services/:domain/emails/:local               contact@garrigue.example       Alice  6   its responder, the redirections and filters that have to do with it
GET  /services/:domain/emails/:local               contact@garrigue.example       Chloé  2
POST /services/:domain/emails/:local               contact@garrigue.example       Alice  9   words to search by, those before and those after
POST /services/:domain/emails/:local               contact@garrigue.example       Chloé  10  the same, the last use
GET  /services/:domain/emails/:local/password      contact@garrigue.example       Alice  2
POST /services/:domain/emails/:local/password      contact@garrigue.example       Alice  8
POST /services/:domain/emails/:local/password      contact@garrigue.example       Chloé  10+1 the last use, the notice
POST /services/:domain/emails/:local/block         contact@garrigue.example       Alice  7
POST /services/:domain/emails/:local/unblock       accueil@garrigue.example       Alice  7
GET  /services/:domain/emails/:local/deletion      contact@garrigue.example       Alice  7   redirections, filters and lists that lead there, its responder
POST /services/:domain/emails/:local/deletion      contact@garrigue.example       Alice  10+2 an import into it is ended; the notice
GET  /services/:domain/emails.csv?accounts=:address contact@garrigue.example      Alice  2

GET  /services/:domain/accounts/description?accounts=:address contact@garrigue.example Alice  3
GET  /services/:domain/accounts/description?accounts=:address contact@garrigue.example Chloé  3
POST /services/:domain/accounts/description        contact@garrigue.example       Alice  10  the accounts are looked up, words to search by, those before and those after
POST /services/:domain/accounts/description        contact@garrigue.example       Chloé  11  the same, the last use
GET  /services/:domain/accounts/size?accounts=:address contact@garrigue.example   Alice  3
POST /services/:domain/accounts/size               contact@garrigue.example       Alice  9   the accounts are looked up, the counter of the service
GET  /services/:domain/accounts/block?accounts=:address contact@garrigue.example  Alice  3
POST /services/:domain/accounts/block              contact@garrigue.example       Alice  8
GET  /services/:domain/accounts/unblock?accounts=:address accueil@garrigue.example Alice 3
POST /services/:domain/accounts/unblock            accueil@garrigue.example       Alice  8
GET  /services/:domain/accounts/revocation?accounts=:address contact@garrigue.example Alice 4 who holds them
POST /services/:domain/accounts/revocation         contact@garrigue.example       Alice  10+1 the accounts and what is held on them are looked up, the notice

GET  /services/:domain/emails/:local/responder     contact@garrigue.example       Alice  3
GET  /services/:domain/emails/:local/responder     accueil@garrigue.example       Chloé  3
POST /services/:domain/emails/:local/responder     contact@garrigue.example       Alice  10  the script is read and written
POST /services/:domain/emails/:local/responder/end contact@garrigue.example       Alice  10  the script is read and written
POST /services/:domain/emails/:local/responder/deletion contact@garrigue.example  Alice  10  the script is read and written
GET  /services/:domain/emails/:local/filters       contact@garrigue.example       Alice  3
GET  /services/:domain/emails/:local/filters       contact@garrigue.example       Chloé  3
GET  /services/:domain/emails/:local/filters/new   contact@garrigue.example       Alice  2
POST /services/:domain/emails/:local/filters       contact@garrigue.example       Alice  10  the script is read and written
GET  /services/:domain/emails/:local/filters/:id   contact@garrigue.example#first Alice  3
POST /services/:domain/emails/:local/filters/:id   contact@garrigue.example#first Alice  12  the script is read and written, rules before and after
POST /services/:domain/emails/:local/filters/:id/deletion contact@garrigue.example#first Alice  11  the script is read and written, those behind move up
POST /services/:domain/emails/:local/filters/:id/activation contact@garrigue.example#middle Alice  10  the script is read and written
POST /services/:domain/emails/:local/filters/:id/deactivation contact@garrigue.example#first Alice  10  the script is read and written
POST /services/:domain/emails/:local/filters/:id/up contact@garrigue.example#last  Alice  9   the script is read and written
POST /services/:domain/emails/:local/filters/:id/down contact@garrigue.example#middle Alice  9   the script is read and written
GET  /services/:domain/emails/:local/filters/trial contact@garrigue.example       Alice  3
POST /services/:domain/emails/:local/filters/trial contact@garrigue.example       Alice  3
POST /services/:domain/emails/:local/filters/trial contact@garrigue.example       Chloé  3
GET  /services/:domain/emails/:local/imports       contact@garrigue.example       Alice  3
POST /services/:domain/emails/:local/imports       rh@garrigue.example            Alice  8+1
GET  /services/:domain/emails/:local/imports/:id   contact@garrigue.example#choosing-of-Alice Alice 4 its folders
GET  /services/:domain/emails/:local/imports/:id/progress contact@garrigue.example#choosing-of-Alice Alice 4 its folders
POST /services/:domain/emails/:local/imports/:id/selection contact@garrigue.example#choosing-of-Alice Alice 8+1
POST /services/:domain/emails/:local/imports/:id/resumption info@garrigue.example#paused-of-Bruno Bruno 8+1
POST /services/:domain/emails/:local/imports/:id/cancellation contact@garrigue.example#choosing-of-Alice Alice 7
GET  /services/:domain/responders                  garrigue.example               Alice  3
GET  /services/:domain/new-responder               garrigue.example               Alice  2
POST /services/:domain/responders                  garrigue.example               Alice  9   the script is read and written
GET  /services/:domain/responders/:local           garrigue.example#ancien        Alice  3
POST /services/:domain/responders/:local           garrigue.example#ancien        Alice  10  the script is read and written
POST /services/:domain/responders/:local/end       garrigue.example#ancien        Alice  10  the script is read and written
POST /services/:domain/responders/:local/deletion  garrigue.example#ancien        Alice  8

GET  /services/:domain/lists                       garrigue.example               Alice  3
GET  /services/:domain/new-list                    garrigue.example               Alice  3
POST /services/:domain/lists                       garrigue.example               Alice  7
GET  /services/:domain/lists/:name                 garrigue.example#annonces      Alice  3
POST /services/:domain/lists/:name                 garrigue.example#annonces      Alice  8
GET  /services/:domain/lists/:name/deletion        garrigue.example#annonces      Alice  3
POST /services/:domain/lists/:name/deletion        garrigue.example#annonces      Alice  8
GET  /services/:domain/lists/:name/members         garrigue.example#annonces      Alice  4   what became of the last mailing
GET  /services/:domain/lists/:name/members.csv     garrigue.example#annonces      Alice  3
POST /services/:domain/lists/:name/members         garrigue.example#annonces      Alice  10  who is there and which lead back, the counter of the list
POST /services/:domain/lists/:name/members         garrigue.example#annonces      Bruno  11  the same, the last use
POST /services/:domain/lists/:name/members/removal garrigue.example#annonces      Alice  9   the counter of the list
POST /services/:domain/lists/:name/members/file    garrigue.example#annonces      Alice  10  as typed
POST /services/:domain/lists/:name/members/mailing garrigue.example#annonces      Alice  9+1 those of the last hour are counted
GET  /services/:domain/lists/:name/moderators      garrigue.example#annonces      Alice  3
GET  /services/:domain/lists/:name/moderators.csv  garrigue.example#annonces      Alice  3
POST /services/:domain/lists/:name/moderators      garrigue.example#annonces      Alice  9   who is there
POST /services/:domain/lists/:name/moderators/removal garrigue.example#annonces   Alice  8
POST /services/:domain/lists/:name/moderators/file garrigue.example#annonces      Alice  9   as typed
GET  /services/:domain/lists/:name/messages        garrigue.example#annonces      Alice  5   those that are held, and the others
POST /services/:domain/lists/:name/messages/rejection garrigue.example#annonces Alice 8
POST /services/:domain/lists/:name/messages/:id/approval garrigue.example#annonces Alice 8
POST /services/:domain/lists/:name/messages/:id/rejection garrigue.example#annonces Alice 8
POST /services/:domain/lists/:name/messages/discard garrigue.example#annonces Alice 8
POST /services/:domain/lists/:name/messages/:id/discard garrigue.example#annonces Alice 8
GET  /unsubscriptions/:token                       membre                         nobody 1
POST /unsubscriptions/:token                       membre                         nobody 7
GET  /services/:domain/redirections                garrigue.example               Alice  3
GET  /services/:domain/redirections                garrigue.example               Bruno  3
GET  /services/:domain/redirections.csv            garrigue.example               Alice  4   the session, again with every batch
GET  /services/:domain/redirections/new            garrigue.example               Alice  2
POST /services/:domain/redirections                garrigue.example               Alice  11  what the source is, the lock on chains, the chain, the targets
GET  /services/:domain/redirections/:id            garrigue.example#bonjour       Alice  3
POST /services/:domain/redirections/:id            garrigue.example#bonjour       Alice  12  the chain before and after, the lock on chains, targets gone and new
POST /services/:domain/redirections/:id/deletion   garrigue.example#bonjour       Alice  8
GET  /services/:domain/uploads/accounts            garrigue.example               Alice  3
POST /services/:domain/uploads/accounts            garrigue.example               Alice  7+1
GET  /services/:domain/uploads/accounts/:id        garrigue.example#accounts-of-Alice Alice 4   the file, and its lines
POST /services/:domain/uploads/accounts/:id/application garrigue.example#accounts-of-Alice Alice 6+1
POST /services/:domain/uploads/accounts/:id/cancellation garrigue.example#accounts-of-Alice Alice 7
GET  /services/:domain/uploads/redirections        garrigue.example               Alice  3
POST /services/:domain/uploads/redirections        garrigue.example               Alice  7+1
GET  /services/:domain/uploads/redirections/:id    garrigue.example#redirections-of-Alice Alice 4   the file, and its lines
POST /services/:domain/uploads/redirections/:id/application garrigue.example#redirections-of-Alice Alice 6+1
POST /services/:domain/uploads/redirections/:id/cancellation garrigue.example#redirections-of-Alice Alice 7

GET  /services/:domain/grants                      garrigue.example               Alice  3
POST /services/:domain/grants                      garrigue.example               Alice  10+1 the counter of the service, the notice
GET  /services/:domain/emails/:local/grants        contact@garrigue.example       Alice  3
POST /services/:domain/emails/:local/grants        contact@garrigue.example       Alice  9+1 the notice
POST /services/:domain/emails/:local/grants        devis@atelier-durand.example   Bruno  9+1 the notice
GET  /grants/new?accounts=:address                 contact@garrigue.example       Alice  2
POST /grants                                       contact@garrigue.example       Alice  10+1 the accounts are looked up, the notice
GET  /identifiers?q=ep1005-mdt                     -                              Alice  1
GET  /identifiers?q=e&domain=:domain&local=:local  contact@garrigue.example       Alice  3
GET  /grants/:id                                   bruno/garrigue.example         Alice  2
GET  /grants/:id                                   chloe/compta@garrigue.example  Alice  3
POST /grants/:id                                   chloe/accueil@garrigue.example Alice  9+1 the notice
POST /grants/:id                                   bruno/garrigue.example         Alice  10+1 what rests on the share is looked up, the notice
GET  /grants/:id/revocation                        bruno/garrigue.example         Alice  3
POST /grants/:id/revocation                        chloe/accueil@garrigue.example Alice  9+1 the notice
POST /grants/:id/revocation                        bruno/garrigue.example         Alice  10+1 the counter of the service, the notice
POST /grants/:id/restoration                       chloe/commandes@atelier-durand.example Alice 9+1 the notice
POST /grants/:id/extension                         chloe/accueil@garrigue.example Alice  9+1 the notice
POST /grants/:id/resignation                       chloe/accueil@garrigue.example Chloé  9+1 the notice
POST /grants/:id/resignation                       bruno/garrigue.example         Bruno  11+1 the counter of the service, the last use, the notice

GET  /healthz                                      -                              nobody 0
GET  /readyz                                       -                              nobody 3
`

func TestStatementsOfEachRoute(t *testing.T) {
	w := modelstest.OnPostgres(t)
	m := newStage(t, w)
	entries := readMatrix(t)
	seen := map[string]bool{}
	for text := range strings.Lines(statements) {
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		object, by := words[2], people[slices.IndexFunc(people, func(p person) bool { return p.name == words[3] })]
		path, query, _ := strings.Cut(words[1], "?")
		seen[words[0]+" "+path] = true
		v := m.visit(t, by)
		var ask func() *answer
		if words[0] == http.MethodGet {
			at := m.fill(path+"?"+query, object)
			v.get(at) // the first time PostgreSQL is asked what the parameters are
			ask = func() *answer { return v.get(at) }
		} else {
			e := entries[slices.IndexFunc(entries, func(e entry) bool { return e.route() == "POST "+path })]
			form, _ := m.formFor(t, e, object, by)
			ask = func() *answer { return v.post(m.fill(path, object), form) }
		}
		w.Count.Take()
		a := ask()
		ours, queue := split(w.Count.Take())
		count := strconv.Itoa(len(ours))
		if len(queue) > 0 {
			count += "+" + strconv.Itoa(len(queue))
		}
		line := strings.TrimSpace(text)
		if count != words[4] {
			t.Errorf("%s: now %s (answered %d)\n\t%s", line, count, a.status, strings.Join(append(ours, queue...), "\n\t"))
		}
		most := 8
		switch {
		case path == "/services/:domain/emails" && words[0] == http.MethodGet:
			most = 2
		case words[0] == http.MethodGet:
			most = 3
		}
		if len(ours) > most && len(words) == 5 {
			t.Errorf("%s: more than %d, without saying why", line, most)
		}
		if words[0] == http.MethodPost {
			m.restore()
		}
	}
	for _, r := range handlers.Routes() {
		if !seen[r.Method+" "+r.Path] {
			t.Errorf("%s %s has no line", r.Method, r.Path)
		}
	}
}

// split parts our statements from those of the job queue. The driver's look at
// a connection that was idle is nobody's, nor what the queue asks once in its
// life; and it tells of new work at most every so often, whatever there is.
func split(all []string) (ours, queue []string) {
	for _, text := range all {
		text = strings.Join(strings.Fields(text), " ")
		switch {
		case text == "-- ping", strings.HasPrefix(text, "-- name: PGGetProductAndVersion "), strings.Contains(text, "pg_notify("):
		case strings.HasPrefix(text, "-- name: "):
			queue = append(queue, text)
		default:
			ours = append(ours, text)
		}
	}
	return ours, queue
}

// What was done is said on the next page, which then takes the message: one
// statement more than otherwise.
func TestAMessageCostsItsPageOneStatement(t *testing.T) {
	w := modelstest.OnPostgres(t)
	m := newStage(t, w)
	v := m.visit(t, alice)
	page := v.get("/services/garrigue.example/new-email")
	done := v.submit(page, "/services/garrigue.example/emails", map[string][]string{"local": {"neuve"}})
	w.Count.Take()
	said := v.follow(done)
	if ours, _ := split(w.Count.Take()); len(ours) != 2 || said.text("#messages") == "" {
		t.Errorf("%d statements, want 2; %q", len(ours), said.text("#messages"))
	}
	v.get(done.location)
	if ours, _ := split(w.Count.Take()); len(ours) != 1 {
		t.Errorf("%d statements without a message, want 1", len(ours))
	}
}
