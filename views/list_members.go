package views

import (
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// MembersView is the subscribers or the moderators of a list.
type MembersView struct {
	Head   ServiceHead
	Page   *models.MemberPage
	Form   WalkForm
	Job    string   // of the form that was refused: "", MembersRemoval or MembersFile
	Typed  string   // into that form
	Errors Errors   // of its field
	Done   *Flash   // what was done although some was refused
	Lines  []string // refused, each with its reason
	More   int      // refused beyond these

	Mails   bool            // the panel sends mail
	Mailing *models.Mailing // the last one of the list; nil when there was none of late
}

// Jobs of the page of members besides adding what is typed.
const (
	MembersRemoval = "removal"
	MembersFile    = "file"
	MembersMailing = "mailing"
)

// MaxRefusals bounds how many refused lines a page gives a reason for.
const MaxRefusals = 20

// MembersPath is the page of the members of a kind.
func MembersPath(domain, name string, k models.MemberKind) string {
	if k == models.Moderators {
		return ListModeratorsPath(domain, name)
	}
	return ListMembersPath(domain, name)
}

func (v MembersView) domain() string { return v.Page.Access.Service.Domain }
func (v MembersView) path() string {
	return MembersPath(v.domain(), v.Page.List.LocalPart, v.Page.Kind)
}

// changes says whether anything can be changed: buttons that would be refused are absent.
func (v MembersView) changes() bool {
	return !v.Head.Suspended && v.Page.Access.May(policy.EditLists)
}

// exports says whether there is anything to export, and for the viewer to do so.
func (v MembersView) exports() bool {
	return v.count() > 0 && policy.Decide(policy.Export, v.Page.Access.Standing) == policy.Everything
}

// t is a text about this kind of members.
func (v MembersView) t(l *locale.Locale, key string, args ...any) string {
	return l.T("list."+string(v.Page.Kind)+"."+key, args...)
}

// typed and errors are those of one form of the page.
func (v MembersView) typed(job string) string {
	if v.Job != job {
		return ""
	}
	return v.Typed
}

func (v MembersView) errors(job string) []string {
	if v.Job != job {
		return nil
	}
	return append(v.Errors["members"], v.Lines...)
}

// field is the id of the field of a job, where the error summary leads.
func (v MembersView) field(job string) string {
	if job == "" {
		return "members"
	}
	return "members-" + job
}

// summary is what is wrong, each with its field; of many lines only the first.
func (v MembersView) summary(l *locale.Locale) (links []ui.ErrorLink) {
	for _, e := range v.Errors.Summary("members") {
		if e.Field != "" {
			e.Field = v.field(v.Job)
		}
		links = append(links, e)
	}
	if n := len(v.Lines) + v.More; n > 0 {
		links = append(links, ui.ErrorLink{Field: v.field(v.Job), Text: l.N("list.lines.refused", int64(n))})
	}
	return links
}

func (v MembersView) most() int {
	if v.Page.Kind == models.Moderators {
		return models.MaxModerators
	}
	return v.Page.Access.Service.MaxSubscribers
}

func (v MembersView) count() int { return v.Page.List.Members(v.Page.Kind) }

func (v MembersView) pager() ui.PagerArgs {
	return v.Form.pager(v.Page.Previous, v.Page.Next, len(v.Page.Items), models.MembersPageSize, v.count())
}

// MembersDone says what became of lines: as many as were done, and why others were not needed.
func MembersDone(l *locale.Locale, r *models.MemberResult, k models.MemberKind, removed bool) Flash {
	done, same := "list."+string(k)+".added", "list.there_already"
	if removed {
		done, same = "list."+string(k)+".removed", "list.not_there"
	}
	var said []string
	if len(r.Done) > 0 {
		said = append(said, l.N(done, int64(len(r.Done))))
	}
	if len(r.Same) > 0 {
		said = append(said, l.N(same, int64(len(r.Same)), "First", models.ReadableAddress(r.Same[0])))
	}
	if r.Doubles > 0 {
		said = append(said, l.N("list.doubles", int64(r.Doubles)))
	}
	f := Flash{Text: strings.Join(said, " ")}
	if len(r.Done) > 0 {
		f.Tone = "ok"
	}
	return f
}

// LineReason is a refused line, as much of it as is needed to find it, and why.
func LineReason(l *locale.Locale, r models.RefusedLine) string {
	line := []rune(r.Line)
	if len(line) > shownOfLine {
		line = append(line[:shownOfLine], '…')
	}
	return l.T("list.lines.reason", "Line", string(line), "Reason", MessageText(l, r.Message))
}

// shownOfLine is how much of a refused line its reason repeats, in characters.
const shownOfLine = 80
