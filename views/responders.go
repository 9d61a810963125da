package views

import (
	"net/url"
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ResponderForm is the form of a responder, as typed.
type ResponderForm struct {
	Local    string // of a new address alone
	Subject  string
	Content  string
	StartsAt string
	EndsAt   string
	Days     string
	Version  int
	Errors   Errors
}

// StoredResponder is the form as the responder stands, or as it begins without one.
func StoredResponder(l *locale.Locale, r *models.Responder) ResponderForm {
	if r == nil {
		return ResponderForm{Days: "1"}
	}
	f := ResponderForm{Subject: r.Subject, Content: r.Content, Days: strconv.Itoa(r.Days), Version: r.Version}
	if r.StartsAt != nil {
		f.StartsAt = l.DateTimeInput(*r.StartsAt)
	}
	if r.EndsAt != nil {
		f.EndsAt = l.DateTimeInput(*r.EndsAt)
	}
	return f
}

// ResponderView is the page of the responder of one address: of an account, when
// Access has one, else of an address without a mailbox.
type ResponderView struct {
	Head     ServiceHead
	Access   *models.Access
	Stored   *models.Responder // nil: there is none yet
	Form     ResponderForm
	Preview  bool // show what the form would send
	Conflict bool // the form was sent for an older version
	Now      time.Time
}

// alone says that there is no mailbox: what is answered is dropped.
func (v ResponderView) alone() bool { return v.Access.Account == nil }

// address is whose responder this is, "" while that is being typed.
func (v ResponderView) address() string {
	switch {
	case !v.alone():
		return models.ReadableAddress(v.Access.Account.Address)
	case v.Stored != nil:
		return models.ReadableAddress(v.Stored.Address)
	}
	return ""
}

// from is the address that signs the answer.
func (v ResponderView) from() string {
	if address := v.address(); address != "" {
		return address
	}
	local, _ := models.ParseLocalPart(v.Form.Local)
	return models.ReadableAddress(local + "@" + v.Access.Service.Domain)
}

func (v ResponderView) path() string {
	switch domain := v.Access.Service.Domain; {
	case !v.alone():
		return AccountResponderPath(domain, v.Access.Account.LocalPart)
	case v.Stored != nil:
		return ResponderPath(domain, v.Stored.LocalPart)
	default:
		return RespondersPath(domain)
	}
}

func (v ResponderView) back() string {
	if !v.alone() {
		return AccountPath(v.Access.Service.Domain, v.Access.Account.LocalPart)
	}
	return RespondersPath(v.Access.Service.Domain)
}

// title names the page.
func (v ResponderView) title(l *locale.Locale) string {
	if address := v.address(); address != "" {
		return l.T("responder.of", "Address", address)
	}
	return l.T("responder.new")
}

// running says that there is something to end.
func (v ResponderView) running() bool {
	return v.Stored != nil && v.Stored.State(v.Now) != models.ResponderEnded
}

func (v ResponderView) summary() []ui.ErrorLink {
	return v.Form.Errors.Summary("local", "subject", "content", "starts_at", "ends_at", "days")
}

// answer is what a sender gets: as typed for a preview, else as stored.
func (v ResponderView) answer() (subject, content string, shown bool) {
	switch {
	case v.Preview:
		return v.Form.Subject, v.Form.Content, true
	case v.Stored != nil:
		return v.Stored.Subject, v.Stored.Content, true
	}
	return "", "", false
}

// differences are the fields whose typed value is not the stored one.
func (v ResponderView) differences(l *locale.Locale) []Difference {
	stored := StoredResponder(l, v.Stored)
	list := compare(nil, l.T("responder.subject"), v.Form.Subject, stored.Subject)
	list = compare(list, l.T("responder.content"), v.Form.Content, stored.Content)
	list = compare(list, l.T("responder.starts"), v.Form.StartsAt, stored.StartsAt)
	list = compare(list, l.T("responder.ends"), v.Form.EndsAt, stored.EndsAt)
	return compare(list, l.T("responder.days"), v.Form.Days, stored.Days)
}

// responderState is where a responder is in its life, in one badge.
func responderState(l *locale.Locale, r *models.Responder, now time.Time) (tone ui.Tone, icon, text string) {
	switch s := r.State(now); s {
	case models.ResponderOn:
		return ui.OK, "play", l.T("responder.state.on")
	case models.ResponderPlanned:
		return ui.Accent, "calendar-clock", l.T("responder.state.planned")
	default:
		return "", "pause", l.T("responder.state.ended")
	}
}

// responderPeriod is from when until when a responder answers, in words.
func responderPeriod(l *locale.Locale, r *models.Responder, now time.Time) string {
	var starts, ends string
	if r.StartsAt != nil {
		starts = l.DateTime(*r.StartsAt)
	}
	if r.EndsAt != nil {
		ends = l.DateTime(*r.EndsAt)
	}
	switch state := r.State(now); {
	case state == models.ResponderEnded:
		return l.T("responder.period.ended", "Ends", ends)
	case state == models.ResponderPlanned && ends == "":
		return l.T("responder.period.planned_open", "Starts", starts)
	case state == models.ResponderPlanned:
		return l.T("responder.period.planned", "Starts", starts, "Ends", ends)
	case ends == "":
		return l.T("responder.period.on_open")
	}
	return l.T("responder.period.on", "Ends", ends)
}

// RespondersForm is the search above the list of responders, as it stands in the URL.
type RespondersForm struct {
	Domain        string // A-label
	Search        string
	After, Before string
	From          int // rows before this page, as far as the links told; for the reader only
}

// Query is the form as the models take it.
func (f RespondersForm) Query() models.ResponderQuery {
	return models.ResponderQuery{Search: f.Search, After: f.After, Before: f.Before}
}

// Path is the URL of the list as the form says.
func (f RespondersForm) Path() string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Search, "after": f.After, "before": f.Before, "from": strconv.Itoa(f.From)} {
		if value != "" && value != "0" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return RespondersPath(f.Domain)
	}
	return RespondersPath(f.Domain) + "?" + q.Encode()
}

// RespondersView is the tab Responders.
type RespondersView struct {
	Head   ServiceHead
	Access *models.Access
	List   *models.ResponderList
	Form   RespondersForm
	Now    time.Time
}

func (v RespondersView) room() (percent int, count, limit int) {
	s := &v.Access.Service
	return s.ResponderCount * 100 / max(s.MaxResponders, 1), s.ResponderCount, s.MaxResponders
}

// addable says that the button for one more leads somewhere.
func (v RespondersView) addable() bool {
	return !v.Head.Suspended && v.Access.Service.ResponderCount < v.Access.Service.MaxResponders
}

// responderItemPath is the page of a responder of the list.
func responderItemPath(domain string, r *models.Responder) string {
	if r.AccountID != 0 {
		return AccountResponderPath(domain, r.LocalPart)
	}
	return ResponderPath(domain, r.LocalPart)
}

func (v RespondersView) paged() bool { return v.List.Previous != "" || v.List.Next != "" }

func (v RespondersView) pager() ui.PagerArgs {
	n := len(v.List.Items)
	a := ui.PagerArgs{Target: "#list", First: int64(v.Form.From + 1), Last: int64(v.Form.From + n), Total: int64(v.Form.From + n)}
	f := v.Form
	if v.List.Previous != "" {
		f.After, f.Before, f.From = "", v.List.Previous, max(0, v.Form.From-models.PageSize)
		a.Previous = f.Path()
	}
	if v.List.Next != "" {
		f.After, f.Before, f.From = v.List.Next, "", v.Form.From+n
		a.Next, a.Capped = f.Path(), true
	}
	if v.Form.Search == "" {
		a.Total, a.Capped = max(a.Total, int64(v.Access.Service.ResponderCount)), false
	}
	return a
}
