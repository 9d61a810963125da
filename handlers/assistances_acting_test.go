package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/mail/dns/dnstest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// staffMatrix is what staff gets of what is for staff alone: agents who act for
// somebody, looking or changing, and a lead who acts for nobody. One acts for one
// customer at a time, may be the second of an emergency meanwhile, and ends
// nobody's assistance but one's own; a lead ends any.
const staffMatrix = `
                                        look  change lead

GET /support?q=durand
	-                                   200   200    200
GET /assistances/new?customer=bm1002-mdt
	-                                   200   200    200
POST /assistances from /assistances/new fill customer=bm1002-mdt&reason=Une+bonne+raison&ticket=T-1 writes assistance.asked
	-                                   422   422    done
POST /assistances from /assistances/new fill customer=ad1001-mdt&reason=Une+bonne+raison&ticket=T-1 writes assistance.began
	-                                   422   422    done
POST /assistances from /assistances/new fill customer=dn1004-mdt&reason=Une+bonne+raison&ticket=T-1&emergency=on writes assistance.asked
	-                                   422   422    422
GET /assistances/change
	-                                   200   200    403
POST /assistances/change from /assistances/change writes assistance.raised
	-                                   422   done   403
POST /assistances/renewal from /services writes assistance.renewed
	-                                   done  done   403
POST /assistances/end from /services writes assistance.ended
	-                                   done  done   303
GET /support/assistances
	-                                   200   200    200
GET /support/assistances/:id
	acting                              200   200    200
	past                                404   404    200
	asked                               404   404    200
	emergency                           404   404    200
	none                                404   404    404
POST /support/assistances/:id/approval from /support writes assistance.began
	emergency                           done  done   done
	asked                               404   404    404
	acting                              404   404    404
	none                                404   404    404
POST /support/assistances/:id/end from /support/assistances/:id writes assistance.ended
	acting                              404   404    done
	past                                404   404    303
	none                                404   404    303
POST /support/assistances/:id/end from /support/assistances/:id writes assistance.unanswered
	asked                               404   404    done
	emergency                           404   404    done
`

// stagedAgent is a member of staff on the stage of the matrix.
type stagedAgent struct {
	person
	column   int    // of staffMatrix
	customer person // whom they act for; nobody's is a lead's, who acts for nobody
	mode     policy.Mode
	id       int64 // of their assistance, or of one that a lead ends
	own      ownRows
	was      rows // of own, as the play begins
	kept     bool // something was asked since the last look that must change nothing
}

func (a *stagedAgent) String() string {
	if a.customer.identifier == "" {
		return "a lead"
	}
	return fmt.Sprintf("an agent for %s in mode %d", a.customer.name, a.mode)
}

// putActing has agents who act for Alice, looking and changing, one for Bruno, and a lead.
func (m *stage) putActing(t *testing.T, w *modelstest.World) (all []*stagedAgent) {
	t.Helper()
	for _, a := range []*stagedAgent{
		{column: 0, customer: alice, mode: policy.Look},
		{column: 1, customer: alice, mode: policy.Change},
		{column: 1, customer: bruno, mode: policy.Change},
		{column: 2},
	} {
		id, role := fmt.Sprintf("agent-%s-%d", a.customer.identifier, a.mode), models.RoleAgent
		if a.customer.identifier == "" {
			id, role = "lou-lead", models.RoleLead
		}
		agent, token := w.Agent(t, id, role)
		m.tokens[id], a.person = token, person{id, id}
		if role == models.RoleLead {
			a.id = all[0].id
		} else {
			a.id = w.Acts(t, agent, a.customer.identifier, a.mode).Assistance
			// The next window would end what rests on this one.
			w.Exec(t, "UPDATE assistances SET consent = 'request', consent_id = NULL WHERE id = $1", a.id)
		}
		all = append(all, a)
	}
	w.Exec(t, "UPDATE consents SET ended_at = created_at WHERE ended_at IS NULL AND customer_id = $1", w.Actor(t, cast.Bruno).Customer) // Alice's lets a lead in
	lastLong(t, w)
	for _, a := range all {
		a.own = ownRowsOf(t, w, a.customer.identifier)
		a.was = a.own.read(t, w)
	}
	m.was, m.restore = rowsOf(t, w), w.Keep(t)
	return all
}

// Agents who act meet what the table says of their mode, on what the customer
// owns; what was shared with the customer, and everybody else's, does not exist
// for them, and what is the customer's own is closed. The cells are the owner's
// wherever the mode allows the operation: support has no more than the
// customer's rights (R36). What is for staff has a table of its own, and of what
// is for everybody the cells are Sam's, who acts for nobody. Whatever they look
// at or change, nothing of the customer's own moves.
func TestAgentsInTheMatrix(t *testing.T) {
	routes := map[string]handlers.Route{}
	for _, r := range handlers.Routes() {
		routes[r.Method+" "+r.Path] = r
	}
	entries := readMatrix(t)
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := bareStage(t, w)
		for _, by := range m.putActing(t, w) {
			cells := 0
			for _, e := range entries {
				r := routes[e.route()]
				for _, l := range e.lines {
					switch {
					case r.Policy.Class == policy.Staff, r.Policy.Class == policy.Lead:
					case by.customer.identifier == "" && r.Policy.Class != policy.Object: // a lead's are an agent's: see TestTheMatrix
					case r.Policy.Class == policy.Public && strings.Contains(r.Path, ":token"): // whoever has the link is its person
					case r.Policy.Class == policy.Public, by.customer.identifier == "":
						cells++
						m.askActing(t, e, l, by, l.cells[slices.IndexFunc(people, func(p person) bool { return p.identifier == cast.Sam })], false)
					default:
						cells++
						m.askActing(t, e, l, by, agentCell(r, e, l, by.customer, by.mode), true)
					}
				}
				m.wantNothingMoved(t, w, e, by)
			}
			m.ids["acting"] = by.id
			for _, e := range readEntries(t, staffMatrix, 3) {
				for _, l := range e.lines {
					cells++
					m.askActing(t, e, l, by, l.cells[by.column], true)
				}
				m.wantNothingMoved(t, w, e, by)
			}
			t.Logf("%s: %d cells", by, cells)
		}
	})
}

// askActing makes the request of a cell. What changes something is put back; own
// says that its events must name the agent.
func (m *stage) askActing(t *testing.T, e entry, l line, by *stagedAgent, cell string, own bool) {
	t.Helper()
	what := fmt.Sprintf("%s %s by %s", e.route(), l.object, by)
	if e.method != http.MethodPost || !slices.Contains([]string{"done", "303", "acted", "out"}, cell) {
		m.keep(t, what, e, l.object, by.person, cell)
		by.kept = true
		return
	}
	m.wantNothingMoved(t, m.World, e, by) // before it is put back
	if e.writes != nil && strings.HasPrefix(e.writes[0], "assistance.") {
		m.change(t, what, e, l.object, by.person, cell)
	} else {
		a, _ := m.ask(t, e, l.object, by.person)
		wantCell(t, what, a, cell)
	}
	if own {
		m.wantByAgent(t, what, m.World)
	}
	by.wantOwn(t, m.World, what)
	m.restore()
}

// wantNothingMoved says that what was asked since the last look changed nothing.
func (m *stage) wantNothingMoved(t *testing.T, w *modelstest.World, e entry, by *stagedAgent) {
	t.Helper()
	if by.kept {
		what := fmt.Sprintf("%s by %s", e.route(), by)
		m.was.wantSame(t, w, what)
		by.wantOwn(t, w, what)
	}
	by.kept = false
}

// wantOwn says that nothing of the customer's own is different.
func (a *stagedAgent) wantOwn(t *testing.T, w *modelstest.World, what string) {
	t.Helper()
	if lines := a.was.changed(a.own.read(t, w)); len(lines) > 0 {
		t.Errorf("%s moved what is the customer's own:\n%s", what, strings.Join(lines, "\n"))
	}
}

// agentCell is what an agent gets who acts for a customer.
func agentCell(r handlers.Route, e entry, l line, customer person, mode policy.Mode) string {
	object, below, _ := strings.Cut(l.object, "#")
	_, address, isGrant := strings.Cut(object, "/")
	if !isGrant {
		address = object
	}
	local, domain, isAccount := strings.Cut(address, "@")
	if !isAccount {
		local, domain = "", address
	}
	op := r.Policy.Operation
	if r.Path == "/identifiers" && !isAccount {
		op = policy.ShareService // the check serves both forms
	}
	ofAccount := isAccount && (strings.HasPrefix(r.Path, "/services/:domain/emails/:local") || r.Path == "/identifiers")
	switch {
	case r.Path == "/services", r.Path == "/profile/identities/proof":
		return "200"
	case r.Path == "/profile/proof/challenge":
		return "422" // as themselves, who have no passkey
	case r.Policy.Class != policy.Object:
		return "403"
	case object == "-":
		return l.cells[0]
	case ownerOf[domain] != customer.identifier || object == "none" || ofAccount && (local == "ghost" || local == "ancien"):
		return "404"
	case op == policy.Export && below == "none" && policy.May(policy.EditLists, policy.Standing{Agent: mode}):
		return "404" // the list is looked for first
	case !policy.May(op, policy.Standing{Agent: mode}):
		return "403" // whether what is below is there is not told either
	case strings.Contains(r.Path, "/uploads/") && strings.Contains(below, "-of-") && l.cells[0] != "403":
		return "404" // the customer's file
	case l.cells[0] == "done" && strings.Contains(e.fill, "elsewhere.example"):
		return "422" // mail would leave the service
	}
	return l.cells[0] // Alice's: the owner's
}

// wantByAgent says that every event written since the play began names the agent.
func (m *stage) wantByAgent(t *testing.T, what string, w *modelstest.World) {
	t.Helper()
	for _, line := range m.was.changed(rowsOf(t, w)) {
		if strings.HasPrefix(line, "+ events ") && (strings.Contains(line, `"agent_id": null`) || strings.Contains(line, "agent_id: <nil>")) && !strings.Contains(line, "grant.expired") {
			t.Errorf("%s wrote an event without the agent: %s", what, line)
		}
	}
}

func TestEveryRouteOfStaffHasItsRowsForWhoActs(t *testing.T) {
	asked := map[string]bool{}
	for _, e := range readEntries(t, staffMatrix, 3) {
		asked[e.route()] = len(e.lines) > 0
	}
	for _, r := range handlers.Routes() {
		of := r.Policy.Class == policy.Staff || r.Policy.Class == policy.Lead
		if of != asked[r.Method+" "+r.Path] {
			t.Errorf("%s %s is for staff: %t, and in the matrix of who acts: %t", r.Method, r.Path, of, !of)
		}
	}
}

// A lead sees what all agents do and ends it; made an agent again, they do neither
// from the next request on, with the pages that they have open.
func TestALeadWhoIsOneNoMoreEndsNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		sam, _ := w.Agent(t, cast.Sam, models.RoleAgent)
		_, token := w.Agent(t, "lou-lead", models.RoleLead)
		lou := s.visit(t)
		lou.carry(token)
		first := w.Acts(t, sam, cast.Alice, policy.Look).Assistance
		path := func(id int64) string { return fmt.Sprintf("/support/assistances/%d", id) }
		if list := lou.get("/support/assistances"); list.Find(fmt.Sprintf(`a[href="%s"]`, path(first))).Length() != 1 {
			t.Errorf("the list has %s", list.text("main"))
		}
		if a := lou.submit(lou.get(path(first)), path(first)+"/end", nil); a.status != http.StatusSeeOther {
			t.Errorf("ending it: %d %s", a.status, a.text("main"))
		}
		if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_why = 'lead'"); n != 1 {
			t.Errorf("%d were ended by a lead", n)
		}
		w.Clock.Move(time.Minute)
		next := w.Acts(t, sam, cast.Alice, policy.Look).Assistance
		open := formValues(lou.get(path(next)).form(path(next) + "/end"))
		if err := w.Store.SetAgentRole(t.Context(), "lou-lead", models.RoleAgent); err != nil {
			t.Fatal(err)
		}
		for what, a := range map[string]*answer{
			"the form that was open": lou.post(path(next)+"/end", open),
			"another form":           lou.post(path(next)+"/end", url.Values{"submission": {lou.get("/support").submission()}}),
			"the page":               lou.get(path(next)),
		} {
			if a.status != http.StatusNotFound {
				t.Errorf("%s: %d", what, a.status)
			}
		}
		if list := lou.get("/support/assistances"); list.status != http.StatusOK || list.Find(`a[href^="/support/assistances/"]`).Length() != 0 {
			t.Errorf("the list: %d %s", list.status, list.text("main"))
		}
		if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_at IS NULL"); n != 1 {
			t.Errorf("%d are open", n)
		}
	})
}

// A part of a page is put into a page that has the banner, and leaves it and the
// title as they are; a panel, which covers the banner, says itself for whom.
func TestFragmentsLeaveTheBannerWhereItIs(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w, looksAt(dnstest.Serve(t)))
		agent, token := w.Agent(t, cast.Sam, models.RoleAgent)
		w.Acts(t, agent, cast.Alice, policy.Change)
		v := s.visit(t)
		v.carry(token)
		const service = "/services/" + cast.Garrigue
		for _, c := range []struct {
			page, into, path string
			status           int
		}{
			{"/services", "#list", "/services?q=garrigue", http.StatusOK},
			{service + "/emails", "#list", service + "/emails?q=rh", http.StatusOK},
			{service + "/redirections", "#list", service + "/redirections?q=rh", http.StatusOK},
			{service + "/responders", "#list", service + "/responders?q=rh", http.StatusOK},
			{service + "/lists", "#list", service + "/lists?q=rh", http.StatusOK},
			{service, "#dns", service + "/dns", http.StatusOK},
			{service + "/emails", "#messages", "/services/nobody.example/emails?q=rh", http.StatusNotFound},
			{service + "/emails", "#messages", service + "/emails/rh/password", http.StatusForbidden},
			{service + "/emails", "#messages", "/profile", http.StatusForbidden},
			{service + "/emails", "dialog#panel", service + "/emails/rh/password", http.StatusForbidden},
			{service + "/emails", "dialog#panel", service + "/emails/nobody", http.StatusNotFound},
		} {
			page := v.get(c.page)
			if page.Find(".acting").Length() != 1 || page.Find(c.into).Length() != 1 || page.Find(c.into+" .acting").Length() != 0 {
				t.Errorf("%s has %d banners, and %d in %s", c.page, page.Find(".acting").Length(), page.Find(c.into+" .acting").Length(), c.into)
			}
			target := "div#list"
			if c.into != "#messages" {
				target = strings.Replace(c.into, "#dns", "div#dns", 1)
			}
			part := v.get(c.path, "HX-Request", "true", "HX-Target", target)
			says := strings.Contains(part.text("body"), "Acting for "+cast.Alice)
			if part.status != c.status || strings.Contains(part.body, "<title") || strings.Contains(part.body, "hx-swap-oob") || says != (c.into == "dialog#panel") {
				t.Errorf("%s into %s: %d %s", c.path, target, part.status, part.body)
			}
			if to := part.header.Get("HX-Retarget"); c.into == "#messages" != (to == c.into) {
				t.Errorf("%s into %s goes to %q", c.path, target, to)
			}
		}
	})
}
