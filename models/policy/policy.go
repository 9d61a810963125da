// Package policy is the permission table of Mandat and nothing else.
//
// The table is one Go value, [Table]. Query scopes, model verbs, buttons, the
// preview on the grant forms and the route list all ask it through [Decide];
// there is no second place in the program that says who may do what. The
// package is pure: it imports nothing of ours and does no I/O, so that its test
// can compare every input with a second, independent copy of the table.
package policy

// An Operation is one row of the permission table.
type Operation string

// The rows, in the order in which the product describes them.
const (
	SeeService       Operation = "see_service"       // the service, its addresses and figures
	CreateAccount    Operation = "create_account"    // with or without a password
	DescribeAccount  Operation = "describe_account"  // change its description
	LimitAccount     Operation = "limit_account"     // change its size, block and unblock it
	DeleteAccount    Operation = "delete_account"    //
	SetPassword      Operation = "set_password"      // of a mailbox: amounts to reading it
	EditFilters      Operation = "edit_filters"      //
	ForwardOut       Operation = "forward_out"       // send mail out of the service: amounts to reading it
	EditResponder    Operation = "edit_responder"    //
	EditRedirections Operation = "edit_redirections" // within the service
	EditLists        Operation = "edit_lists"        //
	ImportMail       Operation = "import_mail"       //
	Export           Operation = "export"            // CSV
	DelegateAccount  Operation = "delegate_account"  // give somebody a grant on one account
	ChangeGrant      Operation = "change_grant"      // change, extend, revoke, restore
	ResignGrant      Operation = "resign_grant"      // the holder's right, nobody else's
	ShareService     Operation = "share_service"     // give and revoke grants on the whole service
	SeeGrants        Operation = "see_grants"        // who holds what here
	SeeHistory       Operation = "see_history"       //
	ManageSelf       Operation = "manage_self"       // own profile, password, sessions, consent
)

// Extra is a set of the switches that an owner may set on a grant.
type Extra uint8

// The four extras. Nothing else about a grant is adjustable.
const (
	Password  Extra = 1 << iota // may set mailbox passwords
	Forward                     // may send mail out of the service
	Responder                   // account grants: may manage the responder
	Delegate                    // service grants: may delegate single accounts

	AllExtras = Password | Forward | Responder | Delegate
)

// Has says whether every extra of want is in e.
func (e Extra) Has(want Extra) bool { return e&want == want }

// Each extra by its name in forms, in the order in which forms show them.
var extraNames = []struct {
	Extra Extra
	Name  string
}{{Password, "password"}, {Forward, "forward"}, {Responder, "responder"}, {Delegate, "delegate"}}

// Names lists the extras of e as forms name them.
func (e Extra) Names() []string {
	var names []string
	for _, x := range extraNames {
		if e.Has(x.Extra) {
			names = append(names, x.Name)
		}
	}
	return names
}

// ExtraNamed is the extra with that form name; ok is false for any other text.
func ExtraNamed(name string) (e Extra, ok bool) {
	for _, x := range extraNames {
		if x.Name == name {
			return x.Extra, true
		}
	}
	return 0, false
}

// Kind is what a grant is on.
type Kind string

// A grant is on a whole service (the guide's partage) or on one account (délégation).
const (
	OnService Kind = "service"
	OnAccount Kind = "account"
)

// Reach says on how much of its object an operation is allowed.
type Reach uint8

// From narrow to wide; of several, the widest holds.
const (
	Nothing     Reach = iota
	OwnGrants         // only what the person holds
	GivenGrants       // only grants that the person gave
	OwnAccounts       // only accounts that the person holds
	MailObjects       // addresses and what belongs to them, not who holds what
	Everything
)

// A cell of the table: how far the role may go, and under which extra.
type cell struct {
	reach Reach
	extra Extra // needed; 0 when the cell holds without
}

var (
	no  = cell{}
	yes = cell{reach: Everything}
)

func only(r Reach) cell  { return cell{reach: r} }
func extra(e Extra) cell { return cell{reach: Everything, extra: e} }

// A row of the table: one cell for each role.
type row struct{ owner, service, account, look, change cell }

// table is the contract. Its columns: owner, holder of a service grant, holder
// of an account grant, agent looking, agent changing (both while assisting the owner).
var table = map[Operation]row{
	SeeService:       {yes, yes, only(OwnAccounts), yes, yes},
	CreateAccount:    {yes, yes, no, no, yes},
	DescribeAccount:  {yes, yes, yes, no, yes},
	LimitAccount:     {yes, yes, no, no, yes},
	DeleteAccount:    {yes, yes, no, no, no},
	SetPassword:      {yes, extra(Password), extra(Password), no, no},
	EditFilters:      {yes, yes, yes, no, yes},
	ForwardOut:       {yes, extra(Forward), extra(Forward), no, no},
	EditResponder:    {yes, yes, extra(Responder), no, yes},
	EditRedirections: {yes, yes, no, no, yes},
	EditLists:        {yes, yes, no, no, yes},
	ImportMail:       {yes, yes, no, no, no},
	Export:           {yes, yes, only(OwnAccounts), no, no},
	DelegateAccount:  {yes, extra(Delegate), no, no, yes},
	ChangeGrant:      {yes, only(GivenGrants), no, no, yes},
	ResignGrant:      {no, only(OwnGrants), only(OwnGrants), no, no},
	ShareService:     {yes, no, no, no, yes},
	SeeGrants:        {yes, only(OwnGrants), only(OwnGrants), yes, yes},
	SeeHistory:       {yes, only(MailObjects), only(OwnAccounts), yes, yes},
	ManageSelf:       {no, no, no, no, no}, // of no service: see Class
}

// Operations lists the rows of the table in the product's order.
func Operations() []Operation {
	return []Operation{
		SeeService, CreateAccount, DescribeAccount, LimitAccount, DeleteAccount, SetPassword, EditFilters, ForwardOut,
		EditResponder, EditRedirections, EditLists, ImportMail, Export, DelegateAccount, ChangeGrant, ResignGrant,
		ShareService, SeeGrants, SeeHistory, ManageSelf,
	}
}

// Mode is how an agent acts for the owner of a service.
type Mode uint8

// An assistance begins in Look and is raised to Change.
const (
	NoAgent Mode = iota
	Look
	Change
)

// Standing is what somebody is to one object: a service, or an account of it.
// The zero value is a stranger. It is made from rows read in the same
// transaction or statement as the object and never kept.
type Standing struct {
	Owner   bool
	Service *Extra // extras of their grant on the service, nil without one
	Account *Extra // extras of their grant on the account in question; for a question about the service, any one
	Agent   Mode   // an agent acting for the owner; then no other field is set
}

// AsOwner says whether somebody is here as the owner, or as an agent acting for them.
func (s Standing) AsOwner() bool { return s.Owner || s.Agent != NoAgent }

// Stranger says that the object is out of reach: it must look as if it did not exist.
func (s Standing) Stranger() bool {
	return !s.Owner && s.Service == nil && s.Account == nil && s.Agent == NoAgent
}

// Decide answers how far somebody may go with an operation. It denies by
// default: an unknown operation or a stranger gets Nothing. Somebody who holds
// several grants has the union of their rights.
func Decide(op Operation, s Standing) Reach {
	r := table[op]
	switch s.Agent {
	case Look:
		return r.look.reach
	case Change:
		return r.change.reach
	}
	var reach Reach
	if s.Owner {
		reach = r.owner.reach
	}
	if s.Service != nil && s.Service.Has(r.service.extra) {
		reach = max(reach, r.service.reach)
	}
	if s.Account != nil && s.Account.Has(r.account.extra) {
		reach = max(reach, r.account.reach)
	}
	return reach
}

// May is Decide for operations that know no half: it says whether anything is allowed.
func May(op Operation, s Standing) bool { return Decide(op, s) != Nothing }

// Applicable lists the extras that make a difference on a kind of grant.
func Applicable(k Kind) Extra {
	var e Extra
	for _, r := range table {
		e |= r.column(k).extra
	}
	return e
}

// Defaults are the extras of a grant when its giver switches nothing: the two choices of the guide.
func Defaults(k Kind) Extra {
	if k == OnService {
		return Password | Forward
	}
	return Password
}

// Passable is the most that somebody with this standing may put into a grant
// on one account: everything for the owner; what they hold, and never Delegate,
// for a holder of a service grant; and for an agent changing for the owner what
// the table lets them do themselves.
func Passable(s Standing) Extra {
	most := Applicable(OnAccount)
	if s.Owner {
		return most
	}
	if s.Agent == NoAgent {
		s = Standing{Service: s.Service}
	}
	for op, r := range table {
		if e := r.account.extra; e != 0 && !May(op, s) {
			most &^= e
		}
	}
	return most
}

// Preview lists what the holder of such a grant can and cannot do, in the
// product's order. Rows that never belong to a holder's daily work (their own
// profile, resigning) are left out.
func Preview(k Kind, e Extra) (can, cannot []Operation) {
	s := Standing{Service: &e}
	if k == OnAccount {
		s = Standing{Account: &e}
	}
	for _, op := range Operations() {
		switch op {
		case ManageSelf, ResignGrant, ChangeGrant, SeeGrants:
			continue
		}
		if May(op, s) {
			can = append(can, op)
		} else {
			cannot = append(cannot, op)
		}
	}
	return can, cannot
}

func (r row) column(k Kind) cell {
	if k == OnService {
		return r.service
	}
	return r.account
}

// Class is who a route is for before any object is looked at.
type Class string

// Public routes need no sign-in; Self routes a customer acting on themselves;
// Holder routes the holder of a grant; Object routes ask the table. Staff routes
// are for agents, Lead routes for those who also oversee the others; they do
// not exist for anybody else.
const (
	Public Class = "public"
	Self   Class = "self"
	Holder Class = "holder"
	Object Class = "object"
	Staff  Class = "staff"
	Lead   Class = "lead"
)

// Entry is the policy entry of a route. An Object entry names its operation.
type Entry struct {
	Class     Class
	Operation Operation
}

// Valid says whether the entry can be decided; a route with another stops the program.
func (e Entry) Valid() bool {
	switch e.Class {
	case Public, Staff, Lead:
		return e.Operation == ""
	case Self:
		return e.Operation == ManageSelf
	case Holder:
		return e.Operation == ResignGrant
	case Object:
		_, known := table[e.Operation]
		return known
	}
	return false
}
