package views

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// WalkForm is the search above things in the order of their name, as it stands
// in the URL.
type WalkForm struct {
	Path   string // of the first page
	Search string
	After  string
	Before string
	From   int // rows before this page, as far as the links told; for the reader only
}

// Query is the form as the models take it.
func (f WalkForm) Query() models.WalkQuery {
	return models.WalkQuery{Search: f.Search, After: f.After, Before: f.Before}
}

// at is the URL of the page after or before a cursor.
func (f WalkForm) at(field, cursor string, from int) string {
	q := url.Values{field: {cursor}}
	if f.Search != "" {
		q.Set("q", f.Search)
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	return f.Path + "?" + q.Encode()
}

// pager is the line below n rows of a page of size, of total in all.
func (f WalkForm) pager(previous, next string, n, size, total int) ui.PagerArgs {
	a := ui.PagerArgs{Target: "#list", Total: int64(f.From + n)}
	if previous != "" {
		a.Previous = f.at("before", previous, max(0, f.From-size))
	}
	if next != "" {
		a.Next = f.at("after", next, f.From+n)
	}
	if f.Search == "" {
		a.Total = max(a.Total, int64(total))
	} else {
		a.Capped = next != ""
	}
	if previous != "" || next != "" {
		a.First, a.Last = int64(f.From+1), int64(f.From+n)
	}
	return a
}

// ListsView is the tab Mailing lists.
type ListsView struct {
	Head   ServiceHead
	Access *models.Access
	Page   *models.ListPage
	Form   WalkForm
}

func (v ListsView) domain() string { return v.Access.Service.Domain }

func (v ListsView) full() bool { return v.Access.Service.ListCount >= v.Access.Service.MaxLists }

func (v ListsView) pager() ui.PagerArgs {
	return v.Form.pager(v.Page.Previous, v.Page.Next, len(v.Page.Items), models.PageSize, v.Access.Service.ListCount)
}

// ofMost is a count with its limit, as a bar that warns from 80 percent on.
func ofMost(l *locale.Locale, n, most int) templ.Component {
	return ofMostText(n, most, l.T("list.of_most", "Count", n, "Most", most))
}

// ofMostText is ofMost in other words. Of what is not allowed at all there is
// nothing to warn of.
func ofMostText[T int | int64](n, most T, text string) templ.Component {
	percent := 0
	if most > 0 {
		percent = int(n * 100 / most)
	}
	return ui.Meter(percent, text)
}

// ListForm is the settings of a list, as typed.
type ListForm struct {
	Name           string
	Owner          string
	ReplyTo        string // list, sender, or address
	ReplyToAddress string
	Language       string
	Posting        string
	Version        int
	Errors         Errors
}

// replyToAddress is the value of the select that an address is typed beside.
const replyToAddress = "address"

// ReplyTos are the values of the select.
var ReplyTos = []string{models.ReplyToList, models.ReplyToSender, replyToAddress}

// NewListForm is the form as it is first shown, for an owner with this address.
func NewListForm(l *locale.Locale, email string) ListForm {
	return ListForm{Owner: email, ReplyTo: models.ReplyToList, Language: l.Lang(), Posting: string(models.PostingSubscribers)}
}

// StoredList is the form as the list stands.
func StoredList(list *models.List) ListForm {
	f := ListForm{
		Name: list.LocalPart, Owner: models.ReadableAddress(list.OwnerEmail), ReplyTo: list.ReplyTo, Language: list.Language,
		Posting: string(list.Posting), Version: list.Version,
	}
	if f.ReplyTo != models.ReplyToList && f.ReplyTo != models.ReplyToSender {
		f.ReplyTo, f.ReplyToAddress = replyToAddress, models.ReadableAddress(list.ReplyTo)
	}
	return f
}

// Settings is the form as the models take it. An address that was left in its
// field while another answer was chosen is not looked at.
func (f ListForm) Settings() models.ListSettings {
	n := models.ListSettings{Owner: f.Owner, ReplyTo: f.ReplyTo, Language: f.Language, Posting: models.Posting(f.Posting), Version: f.Version}
	if f.ReplyTo == replyToAddress {
		n.ReplyTo = strings.TrimSpace(f.ReplyToAddress)
		if !strings.Contains(n.ReplyTo, "@") {
			n.ReplyTo = "" // not the word of another choice
		}
	}
	return n
}

func (f ListForm) summary() []ui.ErrorLink {
	return f.fields().Summary("name", "owner", "reply_to", "reply_to_address", "language", "posting")
}

// fields are the errors, those of an answer's address at the field where it is typed.
func (f ListForm) fields() Errors {
	if f.ReplyTo != replyToAddress || f.Errors["reply_to"] == nil {
		return f.Errors
	}
	moved := Errors{}
	for field, texts := range f.Errors {
		if field == "reply_to" {
			field = "reply_to_address"
		}
		moved[field] = texts
	}
	return moved
}

func listOptions[T ~string](l *locale.Locale, key string, values []T) []ui.Option {
	options := make([]ui.Option, len(values))
	for i, v := range values {
		options[i] = ui.Option{Value: string(v), Label: l.T(key + string(v))}
	}
	return options
}

// replyTo says where answers to mail of a list go.
func replyTo(l *locale.Locale, to string) string {
	if strings.Contains(to, "@") {
		return models.ReadableAddress(to)
	}
	return l.T("list.reply_to." + to)
}

// NewListView is the page that makes a list.
type NewListView struct {
	Head   ServiceHead
	Domain string
	Form   ListForm
}

// ListView is the settings of one list.
type ListView struct {
	Head     ServiceHead
	Access   *models.Access
	List     *models.List
	Form     ListForm
	Conflict bool // the form was sent for an older version
}

func (v ListView) domain() string { return v.Access.Service.Domain }

// changes says whether anything can be changed: buttons that would be refused are absent.
func (v ListView) changes() bool { return !v.Head.Suspended && v.Access.May(policy.EditLists) }

// differences are the fields whose typed value is not the stored one.
func (v ListView) differences(l *locale.Locale) []Difference {
	typed, stored := v.Form, StoredList(v.List)
	list := compare(nil, l.T("list.owner"), typed.Owner, stored.Owner)
	list = compare(list, l.T("list.reply_to"), typed.reply(l), stored.reply(l))
	list = compare(list, l.T("list.language"), l.T("list.language."+typed.Language), l.T("list.language."+stored.Language))
	return compare(list, l.T("list.posting"), l.T("list.posting."+typed.Posting), l.T("list.posting."+stored.Posting))
}

func (f ListForm) reply(l *locale.Locale) string {
	if f.ReplyTo == replyToAddress {
		return f.ReplyToAddress
	}
	return l.T("list.reply_to." + f.ReplyTo)
}

// facts are what the page says of the list beside its settings.
func (v ListView) facts(l *locale.Locale) []ui.Fact {
	facts := []ui.Fact{{Term: l.T("list.since"), Text: l.Date(v.List.CreatedAt)}}
	if v.changes() {
		return facts
	}
	return append([]ui.Fact{
		{Term: l.T("list.owner"), Text: models.ReadableAddress(v.List.OwnerEmail)},
		{Term: l.T("list.reply_to"), Text: replyTo(l, v.List.ReplyTo)},
		{Term: l.T("list.language"), Text: l.T("list.language." + v.List.Language)},
		{Term: l.T("list.posting"), Text: l.T("list.posting." + string(v.List.Posting))},
	}, facts...)
}

// ListDeletionView is the page that names what goes with a list.
type ListDeletionView struct {
	Head    ServiceHead
	Access  *models.Access
	List    *models.List
	Confirm string
	Errors  Errors
}

// losses are what is gone once the list is deleted, in figures.
func (v ListDeletionView) losses(l *locale.Locale) []ui.Fact {
	address := "list.deletion.address"
	if v.Access.CatchAll != 0 {
		address = "list.deletion.address_catch_all"
	}
	return []ui.Fact{
		{Term: l.T("list.subscribers"), Text: l.N("list.deletion.subscribers", int64(v.List.SubscriberCount))},
		{Term: l.T("list.moderators"), Text: l.N("list.deletion.moderators", int64(v.List.ModeratorCount))},
		{Term: l.T("list.address"), Text: l.T(address)},
	}
}

// listTabs lead to the parts of one list.
func listTabs(l *locale.Locale, domain string, list *models.List, current string) []ui.Tab {
	return []ui.Tab{
		{Label: l.T("list.settings"), Path: ListPath(domain, list.LocalPart), Current: current == "settings"},
		{Label: l.T("list.subscribers"), Path: ListMembersPath(domain, list.LocalPart), Count: l.Number(int64(list.SubscriberCount)), Current: current == string(models.Subscribers)},
		{Label: l.T("list.messages"), Path: ListMessagesPath(domain, list.LocalPart), Count: heldCount(l, list), Current: current == "messages"},
		{Label: l.T("list.moderators"), Path: ListModeratorsPath(domain, list.LocalPart), Count: l.Number(int64(list.ModeratorCount)), Current: current == string(models.Moderators)},
	}
}

// heldCount says how many messages wait for a moderator, "" when none does.
func heldCount(l *locale.Locale, list *models.List) string {
	if list.HeldCount == 0 {
		return ""
	}
	return l.N("list.messages.held_count", int64(list.HeldCount))
}
