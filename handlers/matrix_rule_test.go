package handlers_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/mail/dns/dnstest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// A person is a column of the matrix.
type person struct{ name, identifier string }

var (
	alice, bruno, chloe = person{"Alice", cast.Alice}, person{"Bruno", cast.Bruno}, person{"Chloé", cast.Chloe}
	nobody              = person{"nobody", ""}
	people              = []person{alice, bruno, chloe, {"David", cast.David}, {"Emma", cast.Emma}, {"Sam", cast.Sam}, nobody}
)

// The world of the matrix is the cast and a little more:
//   - accueil@ is blocked; Chloé held compta@ until Alice took it back two hours
//     ago, and info@ until an hour ago, which nobody has noted yet;
//   - Bruno holds Alice's second service too, where he may delegate but not set
//     passwords; he gave devis@ to Chloé, and took commandes@ back from her;
//   - Félix, who is in no column, holds hello@ of David's service until the end of the year;
//   - Alice's third service is suspended; Bruno holds it, Chloé an account of it;
//   - Emma was sent a link with which to set her password, Alice one that
//     confirms her new contact address;
//   - David and Sam have a second factor, and David a browser that is not asked for it.
//   - Alice and Sam are signed in twice, and linked with what a provider knows.
const (
	paused = "pause.example"
	felix  = "fl1006-mdt"
)

// What the people are to the objects, written down a second time for the rule.
var (
	ownerOf = map[string]string{cast.Garrigue: cast.Alice, cast.Atelier: cast.Alice, paused: cast.Alice, cast.Velos: cast.David}
	sharing = map[string]policy.Extra{ // of Bruno
		cast.Garrigue: policy.Password | policy.Forward,
		cast.Atelier:  policy.Forward | policy.Delegate,
		paused:        policy.Password | policy.Forward,
	}
	delegated = map[string]policy.Extra{ // to Chloé
		"contact@" + cast.Garrigue: policy.Password,
		"accueil@" + cast.Garrigue: policy.Password | policy.Responder,
		"devis@" + cast.Atelier:    0,
		"contact@" + paused:        policy.Password,
	}
	givenByBruno = []string{"chloe/devis@" + cast.Atelier, "chloe/commandes@" + cast.Atelier}
)

const allowed = "allowed"

// ruled is what the policy makes of a request, asked through [policy.Decide]
// with a standing from the facts above: "allowed", "403", "404", or "in".
func ruled(t *testing.T, r handlers.Route, object string, by person) string {
	t.Helper()
	switch {
	case object == "unknown":
		return "404" // a link nobody was sent
	case r.Path == "/session/factor" && !r.Changes(): // nobody on the stage is about to sign in
		return "in"
	case by.identifier != "" && strings.HasPrefix(r.Path, "/profile/sessions"): // of agents as well
		if _, of, one := strings.Cut(object, "session-of-"); one && of != by.name {
			return "404"
		}
		return allowed
	case r.Path == "/session/factor/challenge": // the same
		return "in"
	case by.identifier != "" && (strings.HasPrefix(r.Path, "/profile/passkeys") || strings.HasPrefix(r.Path, "/profile/proof")): // of agents as well
		if _, of, one := strings.Cut(object, "passkey-of-"); one && of != by.name {
			return "404"
		}
		return allowed
	case by.identifier != "" && strings.HasPrefix(r.Path, "/profile/identities"): // of agents as well
		if _, of, one := strings.Cut(object, "identity-of-"); one && of != by.name {
			return "404"
		}
		return allowed
	case by.identifier != "" && (strings.HasPrefix(r.Path, "/profile/factors") || r.Path == "/profile/recovery-codes" || strings.HasPrefix(r.Path, "/profile/devices") && by.identifier != cast.Sam):
		if _, of, one := strings.Cut(object, "-of-"); one && of != by.name || r.Path == "/profile/recovery-codes" && by.identifier != cast.David && by.identifier != cast.Sam {
			return "404" // codes stand in for a factor
		}
		return allowed
	case by.identifier == "" && (r.Path == "/" || r.Path == "/session/end"):
		return "in"
	case r.Policy.Class == policy.Public:
		return allowed
	case by.identifier == "":
		return "in"
	}
	if v, about := ruledSupport(r, object, by); about {
		return v
	}
	switch {
	case by.identifier == cast.Sam:
		return "403"
	case strings.HasPrefix(object, "contact-of-") && object != "contact-of-"+by.name:
		return "404"
	case r.Policy.Class == policy.Self, object == "-": // about no object
		return allowed
	}
	// What is below a service or an account has its name behind a "#"; "#none" names nothing that is there.
	object, below, _ := strings.Cut(object, "#")
	holder, address, isGrant := strings.Cut(object, "/")
	if !isGrant {
		holder, address = "", object
	}
	local, domain, isAccount := strings.Cut(address, "@")
	if !isAccount {
		local, domain = "", address
	}
	delegating := strings.HasPrefix(r.Path, "/grants") && !strings.Contains(r.Path, ":id")
	bulk := delegating || strings.Contains(r.Path, "/accounts/") || strings.HasSuffix(r.Path, "/emails.csv")
	aboutService := isGrant || bulk || !isAccount
	op := r.Policy.Operation
	if r.Path == "/identifiers" && !isAccount {
		op = policy.ShareService // the check serves both forms
	}

	st := policy.Standing{Owner: ownerOf[domain] == by.identifier}
	if x, held := sharing[domain]; held && by == bruno {
		st.Service = &x
	}
	for of, x := range delegated {
		if by == chloe && (of == address || aboutService && strings.HasSuffix(of, "@"+domain)) {
			st.Account = &x
		}
	}
	if aboutService && st.Account != nil {
		st.Account = new(policy.Extra) // an extra on one account says nothing of the service
	}
	if st.Stranger() || local == "ghost" && !bulk || object == "none" {
		return "404"
	}
	switch {
	case isGrant:
		if v := ruledGrant(op, st, object, holder, by); v != allowed {
			return v
		}
	case op == policy.Export && !strings.HasSuffix(r.Path, "/emails.csv") && policy.Decide(op, st) != policy.Everything: // what is no account is not their own
		return "403"
	case !policy.May(op, st):
		return "403" // whether what is below is there is not told either
	case below == "none":
		return "404"
	}
	if onlyChanges(r) && domain == paused {
		return "403"
	}
	if delegating && r.Changes() && local == "ghost" {
		return "404"
	}
	shared := strings.Contains(r.Path, "/imports/:id") && !strings.HasSuffix(r.Path, "/selection") && !strings.HasSuffix(r.Path, "/resumption")
	if _, sender, sent := strings.Cut(below, "-of-"); sent && sender != by.name && !shared {
		return "404" // a file is its sender's alone, and so is what to do about an import that goes on
	}
	return allowed
}

// ruledGrant is ruled for one grant on something within reach.
func ruledGrant(op policy.Operation, st policy.Standing, object, holder string, by person) string {
	gave := by == bruno && slices.Contains(givenByBruno, object)
	holds := by == bruno && holder == "bruno" || by == chloe && holder == "chloe"
	within := func(op policy.Operation) bool {
		switch policy.Decide(op, st) {
		case policy.Everything:
			return true
		case policy.OwnGrants:
			return holds
		case policy.GivenGrants:
			return gave
		}
		return false
	}
	switch {
	case !within(policy.SeeGrants) && !within(policy.ChangeGrant):
		return "404"
	case !within(op) && !within(policy.ChangeGrant), op == policy.ResignGrant && !holds:
		return "403"
	}
	return allowed
}

// onlyChanges says that a route changes something, or is the page of a form that does nothing else.
func onlyChanges(r handlers.Route) bool {
	return r.Changes() || strings.Contains(r.Path, "/accounts/") && !strings.HasSuffix(r.Path, "/:id") || slices.ContainsFunc([]string{"/new-email", "/new-responder", "/new-list", "/filters/new", "/filters/:id", "/redirections/new", "/uploads/accounts", "/uploads/redirections", "/password", "/deletion", "/revocation"}, func(end string) bool { return strings.HasSuffix(r.Path, end) })
}

// stage is the panel on the world of the matrix.
type stage struct {
	*site
	was      rows              // as the play begins
	restore  func()            // puts them back
	tokens   map[string]string // of a session of each person
	ids      map[string]int64  // of grants by their name in the matrix
	provider *oidctest.Provider
	link     string // with which Emma sets her password
	contact  string // with which Alice confirms her address
}

func newStage(t *testing.T, w *modelstest.World) *stage {
	t.Helper()
	m := bareStage(t, w)
	m.was, m.restore = rowsOf(t, w), w.Keep(t)
	return m
}

// bareStage is newStage for a test that puts more onto it.
func bareStage(t *testing.T, w *modelstest.World) *stage {
	t.Helper()
	provider := oidctest.Serve(t, w.Store.Now)
	m := &stage{provider: provider, site: newSite(t, w, looksAt(dnstest.Serve(t)), signsOn(provider, nil)), tokens: map[string]string{}, ids: map[string]int64{"none": 1 << 40}}
	m.prepare(t, w)
	for _, p := range people[:len(people)-1] {
		m.tokens[p.identifier] = cookieOf(t, m.as(t, p.identifier), "mandat")
	}
	w.Clock.Stop()                                          // the play may take longer than a code is good
	w.Exec(t, "UPDATE sessions SET proved_at = expires_at") // or a proof counts
	return m
}

// cookieOf is the value of a cookie that a visitor was given.
func cookieOf(t testing.TB, v *visitor, name string) string {
	t.Helper()
	u, err := url.Parse(v.site.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	t.Fatalf("no cookie %s", name)
	return ""
}

// props put onto the stage what each noun adds to the world, while nothing is
// suspended yet, and note its ids in m.ids.
var props = []func(t *testing.T, m *stage, w *modelstest.World){
	putResponders,
	putLists,
	putFilters,
	redirectionsProps,
	putUploads,
	putImports,
	putAssistances,
	putSessions,
	putPasskeys,
	putFactors,
	putIdentities,
}

func (m *stage) prepare(t *testing.T, w *modelstest.World) {
	t.Helper()
	ctx, s := t.Context(), w.Store
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	actor := func(p string) models.Actor { return w.Actor(t, p) }
	_, err := s.AddCustomer(ctx, models.NewCustomer{Identifier: felix, Name: "Félix Lambert", Email: "felix@lambert.example", Language: "fr", TimeZone: "Europe/Paris"})
	must(err)
	_, err = s.AddService(ctx, models.NewService{Domain: paused, Owner: cast.Alice})
	must(err)
	_, err = s.CreateAccount(ctx, actor(cast.Alice), paused, models.NewAccount{Local: "contact"})
	must(err)
	must(s.BlockAccount(ctx, actor(cast.Alice), cast.Garrigue, "accueil"))
	hour := s.Now().Add(time.Hour)
	_, err = s.DelegateAccount(ctx, actor(cast.Alice), cast.Garrigue, "info", models.GrantRequest{Identifiers: []string{cast.Chloe}, ExpiresAt: &hour})
	must(err)
	w.Clock.Move(2 * time.Hour)

	share := func(domain string, x policy.Extra) {
		_, err := s.ShareService(ctx, actor(cast.Alice), domain, models.GrantRequest{Identifiers: []string{cast.Bruno}, Ticked: x})
		must(err)
	}
	share(cast.Atelier, policy.Delegate)
	share(paused, policy.Password)
	year := w.Store.Now().AddDate(1, 0, 0)
	for _, g := range []struct {
		by, domain, local, to string
		request               models.GrantRequest
	}{
		{cast.Bruno, cast.Atelier, "devis", cast.Chloe, models.GrantRequest{}},
		{cast.Bruno, cast.Atelier, "commandes", cast.Chloe, models.GrantRequest{}},
		{cast.David, cast.Velos, "hello", felix, models.GrantRequest{ExpiresAt: &year}},
		{cast.Alice, paused, "contact", cast.Chloe, models.GrantRequest{Ticked: policy.Password}},
	} {
		g.request.Identifiers = []string{g.to}
		_, err := s.DelegateAccount(ctx, actor(g.by), g.domain, g.local, g.request)
		must(err)
	}
	for _, set := range props {
		set(t, m, w)
	}
	must(s.SuspendService(ctx, paused))
	m.link, _, err = s.NewPasswordLink(ctx, cast.Emma)
	must(err)

	for name, holder := range map[string]string{"bruno": cast.Bruno, "chloe": cast.Chloe, "felix": felix} {
		for _, of := range texts(t, w, "SELECT CASE g.kind WHEN 'account' THEN g.local_part || '@' ELSE '' END || g.domain || ' ' || g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = '"+holder+"'") {
			object, id, _ := strings.Cut(of, " ")
			m.ids[name+"/"+object], err = strconv.ParseInt(id, 10, 64)
			must(err)
		}
	}
	_, err = s.Revoke(ctx, actor(cast.Bruno), m.ids["chloe/commandes@"+cast.Atelier])
	must(err)
}

// visit is a person with the session that they began on the stage.
func (m *stage) visit(t testing.TB, p person) *visitor {
	t.Helper()
	v := m.site.visit(t)
	if token := m.tokens[p.identifier]; token != "" {
		v.carry(token)
	}
	return v
}

// carry gives a visitor the cookie of a session.
func (v *visitor) carry(token string) {
	v.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	u, err := url.Parse(v.site.url)
	if err != nil {
		v.t.Fatal(err)
	}
	jar.SetCookies(u, []*http.Cookie{{Name: "mandat", Value: token}})
	v.client.Jar = jar
}

// fill puts an object of the matrix into a path, a query or a form.
func (m *stage) fill(text, object string) string {
	id := strconv.FormatInt(m.ids[object], 10)
	object, below, _ := strings.Cut(object, "#")
	if below == "none" {
		id = strconv.Itoa(1 << 40)
	}
	local, domain, isAccount := strings.Cut(object, "@")
	if !isAccount {
		local, domain = below, object
	}
	token := "unknown"
	switch object {
	case "emma":
		token = m.link
	case "contact-of-Alice":
		token = m.contact
	case "membre":
		token = memberLink
	}
	return strings.NewReplacer(":domain", domain, ":local", local, ":address", object, ":id", id, ":name", below, ":token", token).Replace(text)
}
