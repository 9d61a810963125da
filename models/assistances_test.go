package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

func (w *world) support(t testing.TB) models.Actor {
	t.Helper()
	a, _ := w.Agent(t, cast.Sam, models.RoleAgent)
	return a
}

// redescribe is a change that an agent may make, with the mode read anew.
func (w *world) redescribe(t testing.TB, by models.Actor, text string) error {
	t.Helper()
	return second(w.Store.DescribeAccounts(t.Context(), by, cast.Garrigue, []string{"rh"}, text))
}

func TestAnAgentLooksFirstAndChangesByASecondStep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		a := got[*models.Access](t)(w.Store.Service(ctx, sam, cast.Garrigue))
		if !a.May(policy.SeeService) || a.May(policy.DescribeAccount) || a.Standing.Owner {
			t.Errorf("%+v", a.Standing)
		}
		want(t, "changing while looking", w.redescribe(t, sam, "x"), forbidden(policy.DescribeAccount))
		sam.Mode = policy.Change // what a request believes is not what the verb goes by
		want(t, "changing by claim", w.redescribe(t, sam, "x"), forbidden(policy.DescribeAccount))
		want(t, "raising without leave", w.Store.RaiseAssistance(ctx, sam), ": assistance.refused.look")
		must(t, w.Store.EndAssistance(ctx, sam))

		sam = w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.told(t, cast.Garrigue)
		must(t, w.redescribe(t, sam, "Par l’assistance"))
		events, _, err := w.Store.History(ctx, w.Alice, got[*models.Access](t)(w.Store.Service(ctx, w.Alice, cast.Garrigue)), models.HistoryQuery{})
		must(t, err)
		if e := events[0]; e.Actor != cast.Alice || e.Agent != cast.Sam || e.Kind != "account.changed" {
			t.Errorf("the history has %+v", e)
		}
		for what, err := range map[string]error{
			"deleting an address": w.Store.DeleteAccount(ctx, sam, cast.Garrigue, "rh", "rh"),
			"setting a password":  w.Store.SetAccountPassword(ctx, sam, cast.Garrigue, "rh", "citron-brume-1987"),
			"sending mail out":    second(w.Store.CreateRedirection(ctx, sam, cast.Garrigue, models.NewRedirection{Local: "out", Targets: "x@else.example"})),
		} {
			if o := outcome(err); !strings.HasPrefix(o, "forbidden: ") && o != "to: redirection.to.outside" {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.Clock.Move(models.ChangeFor)
		want(t, "after the time for changes", w.redescribe(t, sam, "y"), forbidden(policy.DescribeAccount))
		must(t, w.Store.RaiseAssistance(ctx, sam))
		must(t, w.redescribe(t, sam, "z"))
	})
}

func TestAnAgentActsOnNothingButWhatTheCustomerOwns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Bruno, policy.Change) // who holds all of Garrigue, and owns nothing
		for _, domain := range []string{cast.Garrigue, cast.Velos, "nobody.example"} {
			_, err := w.Store.Service(ctx, sam, domain)
			want(t, domain, err, notFound)
		}
		want(t, "an address of what was shared", w.redescribe(t, sam, "x"), notFound)
		for what, list := range map[string]func(models.Actor) (*models.ServiceList, error){
			"shared": func(by models.Actor) (*models.ServiceList, error) {
				return w.Store.SharedServices(ctx, by, models.ServiceQuery{})
			},
			"owned": func(by models.Actor) (*models.ServiceList, error) {
				return w.Store.OwnServices(ctx, by, models.ServiceQuery{})
			},
		} {
			if l := got[*models.ServiceList](t)(list(sam)); len(l.Items) > 0 {
				t.Errorf("%s: %+v", what, l.Items)
			}
		}
		id := int64(w.Int(t, "SELECT id FROM grants WHERE kind = 'service'"))
		_, err := w.Store.Grant(ctx, sam, id)
		want(t, "a grant that the customer holds", err, notFound)
		_, err = w.Store.Resign(ctx, sam, id)
		want(t, "resigning it", err, notFound)
	})
}

func TestTimesOfAnAssistance(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.Clock.Move(20 * time.Minute)
		must(t, w.Store.RenewAssistance(ctx, sam))
		want(t, "a second renewal", w.Store.RenewAssistance(ctx, sam), ": assistance.refused.renewed")
		w.Clock.Move(40*time.Minute - time.Second)
		must(t, w.Store.RaiseAssistance(ctx, sam))
		must(t, w.redescribe(t, sam, "x"))
		w.Clock.Move(time.Second)
		want(t, "after twice half an hour", w.redescribe(t, sam, "y"), assistanceEnded)
		must(t, w.Store.Sweep(ctx))

		must(t, w.Store.OpenWindow(ctx, w.Alice, time.Hour, true))
		w.Clock.Move(50 * time.Minute)
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, w.support(t), asks(cast.Alice, "")))
		if left := a.ExpiresAt.Sub(w.Store.Now()); left != 10*time.Minute {
			t.Errorf("it goes on for %v beyond the window", left)
		}
		acting := models.Actor{Agent: a.AgentID, Assistance: a.ID, Customer: a.CustomerID}
		want(t, "a renewal beyond the window", w.Store.RenewAssistance(ctx, acting), ": assistance.refused.window")
		must(t, w.Store.EndAssistance(ctx, models.Actor{Agent: a.AgentID}))
		for _, lasts := range []time.Duration{0, -time.Hour, 2 * time.Hour, 365 * 24 * time.Hour} {
			want(t, lasts.String(), w.Store.OpenWindow(ctx, w.Alice, lasts, true), "hours: consent.hours.unknown")
		}
	})
}

func TestNothingOfTheCustomersOwnMoves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.signIn(t, cast.Alice)
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		state := func() string {
			return w.text(t, `SELECT 'c ' || max(c.version) || ' s ' || (SELECT count(*) || ' ' || COALESCE(sum(length(se.user_agent)), 0) || COALESCE(max(CAST(se.seen_at AS text)), '') FROM sessions se WHERE se.customer_id IS NOT NULL)
				|| ' d ' || (SELECT count(*) || COALESCE(max(CAST(seen_at AS text)), '') FROM devices WHERE customer_id IS NOT NULL) || ' t ' || (SELECT COALESCE(sum(failures), 0) FROM throttles WHERE subject NOT LIKE '%agent%')
				|| ' g ' || (SELECT count(used_at) FROM grants) FROM customers c WHERE c.identifier = 'ad1001-mdt'`)
		}
		before := state()
		w.Clock.Move(5 * time.Minute)
		must(t, w.redescribe(t, sam, "x"))
		must(t, w.Store.NoteLooked(ctx, sam, "/services/garrigue.example"))
		want(t, "an unknown identifier", second(w.Store.DelegateAccount(ctx, sam, cast.Garrigue, "rh", request(0, "zz9999-mdt"))), done)
		if after := state(); after != before {
			t.Errorf("%s became %s", before, after)
		}
	})
}

func TestTheCustomerIsToldOfTheBeginningAndOfWhatWasChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.wantNoticed(t, "the beginning", "ad1001-mdt: assisting sam-support/", "ad1001-mdt: security ad1001-mdt consent.opened ad1001-mdt")
		list := w.Post.Notices()
		n := list[slices.IndexFunc(list, func(n *models.Notice) bool { return n.Parts[0].Assistance != nil })]
		if a := n.Parts[0].Assistance; a.Reason != modelstest.Reason || a.Ticket != modelstest.Ticket || a.Consent != models.ByWindow || !a.MayChange {
			t.Errorf("%+v", a)
		}
		must(t, w.redescribe(t, sam, "x"))
		must(t, w.Store.BlockAccount(ctx, sam, cast.Garrigue, "paie"))
		w.wantNoticed(t, "mail objects wait for the end")
		must(t, w.Store.NoteLooked(ctx, sam, "/services"))
		must(t, w.Store.NoteLooked(ctx, sam, "/services"))
		must(t, w.Store.EndAssistance(ctx, sam))
		n = w.wantNotice(t, "ad1001-mdt: assisted sam-support/ account.changed rh@garrigue.example account.blocked paie@garrigue.example")
		if a := n.Parts[0].Assistance; a.Changes != 2 || a.Pages != 1 || a.Why != models.AssistanceByAgent {
			t.Errorf("%+v", a)
		}
		if d := w.text(t, "SELECT CAST(detail AS text) FROM events WHERE kind = 'assistance.ended'"); !strings.Contains(d, `"/services"`) {
			t.Errorf("the history says %s", d)
		}
		v := got[*models.AssistanceView](t)(w.Store.Assistance(ctx, w.Alice, sam.Assistance))
		if len(v.Events) != 2 || len(v.Looked) != 1 || v.Looked[0].Path != "/services" || v.Looked[0].Times != 2 || v.Looked[0].FirstAt.IsZero() {
			t.Errorf("%+v %+v", v.Looked, v.Events)
		}
		for who, by := range map[string]models.Actor{"another customer": w.Bruno, "another agent": first(w.Agent(t, "mia-support", models.RoleAgent))} {
			_, err := w.Store.Assistance(ctx, by, sam.Assistance)
			want(t, who, err, notFound)
		}
	})
}

// Outcomes of an agent.
const (
	assistanceEnded = "the assistance has ended"
	assisting       = "one assistance at a time"
)

// text reads one text beside the store.
func (w *world) text(t testing.TB, query string) (text string) {
	t.Helper()
	must(t, w.SQL.QueryRowContext(t.Context(), query).Scan(&text))
	return text
}

func first[T, U any](v T, _ U) T { return v }

func TestThePagesOfAnAssistanceAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		for i := range 510 {
			must(t, w.Store.NoteLooked(t.Context(), sam, fmt.Sprintf("/p/%d", i)))
		}
		if n := w.Int(t, "SELECT count(*) FROM assistance_pages"); n != 501 { // one for all others
			t.Errorf("%d pages are kept", n)
		}
	})
}

// A lead is told of each week once, and of an emergency as it is
// asked for and as it begins; whoever is none is told nothing.
func TestLeadsAreTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Agent(t, "lou-lead", models.RoleLead)
		jobs := func() int { return w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'tell_lead'") }
		must(t, w.Store.Sweep(ctx)) // the week before the first start is nobody's
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		must(t, w.Store.EndAssistance(ctx, sam))
		must(t, w.Store.Sweep(ctx))
		if n := jobs(); n != 0 {
			t.Fatalf("%d jobs before a week is over", n)
		}
		w.Clock.Move(7 * 24 * time.Hour)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		if n := jobs(); n != 1 {
			t.Fatalf("%d jobs for a week", n)
		}
		n := asks(cast.Bruno, "")
		n.Emergency = true
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, w.support(t), n))
		must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
		if n := jobs(); n != 3 { // as it is asked for, and as it begins
			t.Fatalf("%d jobs with an emergency", n)
		}
	})
}

// Support gives nothing to staff by any way, and nobody more than it may do itself.
func TestSupportGivesNoMoreThanItMayDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, second(w.Store.AddAgent(ctx, models.NewAgent{Identifier: "mia-support", Name: "Mia", Email: "a@mandat.example", Language: "fr", Role: "agent", Customer: cast.Emma})))
		soon := w.Store.Now().Add(24 * time.Hour)
		held := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, &soon)
		over := w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, nil)
		must(t, second(w.Store.Revoke(ctx, w.Alice, over.ID)))
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		acting := w.Acts(t, mia, cast.Alice, policy.Change)
		for what, err := range map[string]error{
			"extending":   second(w.Store.ExtendGrant(ctx, acting, held.ID)),
			"changing":    second(w.Store.ChangeGrant(ctx, acting, held.ID, models.GrantTerms{Ticked: policy.Password, ExpiresAt: &soon, Version: 1})),
			"giving back": second(w.Store.Restore(ctx, acting, over.ID)),
		} {
			want(t, what, err, "grant: grant.refused.staff")
		}
		must(t, second(w.Store.Revoke(ctx, acting, held.ID)))
		r := got[*models.GrantResult](t)(w.Store.ShareService(ctx, acting, cast.Garrigue, request(policy.AllExtras, cast.David)))
		if x := r.Given[0].Extras; x != policy.Delegate {
			t.Errorf("the share has %v", x.Names())
		}
		had := int64(w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.kind = 'service'"))
		g := got[*models.Grant](t)(w.Store.ChangeGrant(ctx, acting, had, models.GrantTerms{Ticked: policy.Password | policy.Forward, Note: "x", Version: 1}))
		if g.Extras != policy.Password|policy.Forward {
			t.Errorf("what it had became %v", g.Extras.Names())
		}
	})
}
