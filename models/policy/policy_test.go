package policy_test

import (
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models/policy"
)

// written is the table of the product as it is written there, a second copy by
// hand: x yes, - never, P F R D needs that extra, o own accounts or grants,
// g grants they gave, m mail objects. Columns: owner, service grant, account
// grant, agent looking, agent changing.
const written = `
see_service        x x o x x
create_account     x x - - x
describe_account   x x x - x
limit_account      x x - - x
delete_account     x x - - -
set_password       x P P - -
edit_filters       x x x - x
forward_out        x F F - -
edit_responder     x x R - x
edit_redirections  x x - - x
edit_lists         x x - - x
import_mail        x x - - -
export             x x o - -
delegate_account   x D - - x
change_grant       x g - - x
resign_grant       - h h - -
share_service      x - - - x
see_grants         x h h x x
see_history        x m o x x
manage_self        - - - - -
`

func reach(symbol string, held policy.Extra) policy.Reach {
	needs := map[string]policy.Extra{"P": policy.Password, "F": policy.Forward, "R": policy.Responder, "D": policy.Delegate}
	if e, ok := needs[symbol]; ok {
		if held.Has(e) {
			return policy.Everything
		}
		return policy.Nothing
	}
	return map[string]policy.Reach{
		"x": policy.Everything, "-": policy.Nothing, "o": policy.OwnAccounts,
		"h": policy.OwnGrants, "g": policy.GivenGrants, "m": policy.MailObjects,
	}[symbol]
}

func TestEveryInputAgreesWithTheWrittenTable(t *testing.T) {
	rows := map[policy.Operation][]string{}
	for line := range strings.Lines(strings.TrimSpace(written)) {
		f := strings.Fields(line)
		rows[policy.Operation(f[0])] = f[1:]
	}
	ops := append(policy.Operations(), "no_such_operation")
	if len(rows) != len(ops)-1 {
		t.Fatalf("the written table has %d rows, the program %d", len(rows), len(ops)-1)
	}
	inputs := 0
	for _, op := range ops {
		cols := rows[op]
		if cols == nil {
			cols = []string{"-", "-", "-", "-", "-"}
		}
		for bits := range 1 << 10 { // owner, has service, has account, agent mode; 4+4 extras below
			owner, hasS, hasA := bits&1 != 0, bits&2 != 0, bits&4 != 0
			x := policy.Extra(bits >> 3 & 15)
			for y := range policy.AllExtras + 1 {
				s := policy.Standing{Owner: owner}
				want := policy.Nothing
				if owner {
					want = reach(cols[0], 0)
				}
				if hasS {
					s.Service = &x
					want = max(want, reach(cols[1], x))
				}
				if hasA {
					s.Account = &y
					want = max(want, reach(cols[2], y))
				}
				if got := policy.Decide(op, s); got != want {
					t.Fatalf("%s owner=%v service=%v(%v) account=%v(%v): %v, want %v", op, owner, hasS, x, hasA, y, got, want)
				}
				if policy.May(op, s) != (want != policy.Nothing) {
					t.Fatalf("May disagrees with Decide for %s", op)
				}
				inputs++
			}
		}
		for i, mode := range []policy.Mode{policy.Look, policy.Change} {
			if got, want := policy.Decide(op, policy.Standing{Agent: mode}), reach(cols[3+i], 0); got != want {
				t.Fatalf("%s agent mode %v: %v, want %v", op, mode, got, want)
			}
		}
	}
	if inputs < 10_000 {
		t.Fatalf("only %d inputs compared", inputs)
	}
}

func TestAnAgentHasNothingFromTheirOwnGrants(t *testing.T) {
	all := policy.AllExtras
	s := policy.Standing{Agent: policy.Look, Owner: true, Service: &all, Account: &all}
	if policy.May(policy.DeleteAccount, s) || policy.May(policy.CreateAccount, s) {
		t.Error("an agent who looks changes something")
	}
}

func TestAStrangerIsOneWithoutAnyStanding(t *testing.T) {
	var e policy.Extra
	if !(policy.Standing{}).Stranger() {
		t.Error("the zero standing is no stranger")
	}
	for _, s := range []policy.Standing{{Owner: true}, {Service: &e}, {Account: &e}, {Agent: policy.Look}} {
		if s.Stranger() {
			t.Errorf("%+v is a stranger", s)
		}
	}
}

func TestExtrasOfTheTwoKinds(t *testing.T) {
	for _, c := range []struct {
		kind                 policy.Kind
		applicable, defaults []string
	}{
		{policy.OnService, []string{"password", "forward", "delegate"}, []string{"password", "forward"}},
		{policy.OnAccount, []string{"password", "forward", "responder"}, []string{"password"}},
	} {
		if got := policy.Applicable(c.kind).Names(); !slices.Equal(got, c.applicable) {
			t.Errorf("%s: applicable %v", c.kind, got)
		}
		if got := policy.Defaults(c.kind).Names(); !slices.Equal(got, c.defaults) {
			t.Errorf("%s: defaults %v", c.kind, got)
		}
	}
	for _, name := range policy.AllExtras.Names() {
		if e, ok := policy.ExtraNamed(name); !ok || !slices.Equal(e.Names(), []string{name}) {
			t.Errorf("%s is not found by its name", name)
		}
	}
	if _, ok := policy.ExtraNamed("everything"); ok {
		t.Error("an unknown extra is found")
	}
}

func TestNobodyPassesOnMoreThanTheyHold(t *testing.T) {
	if got := policy.Passable(policy.Standing{Owner: true}); got != policy.Applicable(policy.OnAccount) {
		t.Errorf("owner: %v", got.Names())
	}
	if got := policy.Passable(policy.Standing{Agent: policy.Change}); got != policy.Responder {
		t.Errorf("agent changing: %v", got.Names())
	}
	if got := policy.Passable(policy.Standing{Agent: policy.Look}); got != 0 {
		t.Errorf("agent looking: %v", got.Names())
	}
	for held := range policy.AllExtras + 1 {
		got := policy.Passable(policy.Standing{Service: &held})
		if got.Has(policy.Delegate) {
			t.Fatal("the delegate extra is passed on")
		}
		if (got^held)&(policy.Password|policy.Forward) != 0 {
			t.Errorf("held %v, passes on %v", held.Names(), got.Names())
		}
		if !got.Has(policy.Responder) {
			t.Error("responders belong to every service grant and may be passed on")
		}
	}
}

func TestThePreviewSaysWhatTheGuideSays(t *testing.T) {
	can, cannot := policy.Preview(policy.OnAccount, policy.Defaults(policy.OnAccount))
	for _, op := range []policy.Operation{policy.EditFilters, policy.SetPassword, policy.DescribeAccount} {
		if !slices.Contains(can, op) {
			t.Errorf("an account grant allows %s", op)
		}
	}
	for _, op := range []policy.Operation{policy.EditResponder, policy.EditRedirections, policy.EditLists, policy.DeleteAccount, policy.ImportMail, policy.DelegateAccount} {
		if !slices.Contains(cannot, op) {
			t.Errorf("the guide says that an account grant does not allow %s", op)
		}
	}
	can, cannot = policy.Preview(policy.OnService, policy.Defaults(policy.OnService))
	for _, op := range []policy.Operation{policy.EditFilters, policy.EditResponder, policy.EditRedirections, policy.EditLists} {
		if !slices.Contains(can, op) {
			t.Errorf("the guide says that a service grant allows %s", op)
		}
	}
	if !slices.Contains(cannot, policy.ShareService) || !slices.Contains(cannot, policy.DelegateAccount) {
		t.Errorf("a service grant does not pass itself on: %v", cannot)
	}
}

func TestRouteEntries(t *testing.T) {
	for _, e := range []policy.Entry{{Class: policy.Public}, {policy.Self, policy.ManageSelf}, {policy.Holder, policy.ResignGrant}, {policy.Object, policy.SeeService}} {
		if !e.Valid() {
			t.Errorf("%+v is refused", e)
		}
	}
	for _, e := range []policy.Entry{{}, {Class: policy.Object}, {policy.Object, "no_such_operation"}, {policy.Public, policy.SeeService}, {policy.Self, policy.SeeService}, {policy.Holder, policy.SeeService}} {
		if e.Valid() {
			t.Errorf("%+v is accepted", e)
		}
	}
}
