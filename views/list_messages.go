package views

import (
	"strconv"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ListMessagesView is the messages of a list: those that a moderator must
// decide about, and what became of the others.
type ListMessagesView struct {
	Head   ServiceHead
	Page   *models.MessagePage
	Newest bool // this is the first page

	Refused int64  // the message whose form was refused
	Typed   string // into it
	Errors  Errors
}

func (v ListMessagesView) domain() string { return v.Page.Access.Service.Domain }
func (v ListMessagesView) path() string {
	return ListMessagesPath(v.domain(), v.Page.List.LocalPart)
}

// changes says whether anything can be decided: buttons that would be refused are absent.
func (v ListMessagesView) changes() bool {
	return !v.Head.Suspended && v.Page.Access.May(policy.EditLists)
}

// field is the id of the field for a reason.
func reasonField(id int64) string { return "reason-" + strconv.FormatInt(id, 10) }

// reason is what was typed for a message, and what is wrong with it.
func (v ListMessagesView) reason(id int64) (typed string, errors []string) {
	if id != v.Refused {
		return "", nil
	}
	return v.Typed, v.Errors["reason"]
}

func (v ListMessagesView) summary() (links []ui.ErrorLink) {
	for _, e := range v.Errors.Summary("reason") {
		if e.Field != "" {
			e.Field = reasonField(v.Refused)
		}
		links = append(links, e)
	}
	return links
}

// more is how many are held beyond those that are shown.
func (v ListMessagesView) more() int { return v.Page.List.HeldCount - len(v.Page.Held) }

// newestHeld is the id of the newest message that is shown to be decided about.
func (v ListMessagesView) newestHeld() string {
	return strconv.FormatInt(v.Page.Held[len(v.Page.Held)-1].ID, 10)
}

// older is the next page.
func (v ListMessagesView) older() string {
	return withQuery(v.path(), "before", strconv.FormatInt(v.Page.Older, 10))
}

// messageSubject is the subject of a message, which may have none.
func messageSubject(l *locale.Locale, m *models.ListMessage) string {
	if m.Subject == "" {
		return l.T("list.messages.no_subject")
	}
	return m.Subject
}

// messageAuthor is who wrote a message, as it says itself.
func messageAuthor(l *locale.Locale, m *models.ListMessage) string {
	if m.Author == "" {
		return l.T("list.messages.no_author")
	}
	return m.Author
}

// messageState is how far a message has come.
func messageState(m *models.ListMessage) (tone ui.Tone, icon string) {
	switch m.State {
	case models.MessageSent:
		if m.Failed > 0 {
			return ui.Warn, "triangle-alert"
		}
		return ui.OK, "check"
	case models.MessageRejected:
		return "", "ban"
	case models.MessageDiscarded:
		return "", "trash-2"
	case models.MessageExpired:
		return ui.Warn, "triangle-alert"
	}
	return "", "clock"
}

// messageFacts are what became of a message, a line each.
func messageFacts(l *locale.Locale, m *models.ListMessage) (lines []string) {
	switch m.State {
	case models.MessageRejected:
		if m.SettledBy != "" {
			lines = append(lines, l.T("list.messages.rejected_by", "Who", m.SettledBy))
		}
		if m.Reason != "" {
			lines = append(lines, l.T("list.messages.reason_given", "Reason", m.Reason))
		}
		return lines
	case models.MessageDiscarded:
		return []string{l.T("list.messages.discarded_by", "Who", m.SettledBy)}
	case models.MessageExpired:
		return []string{l.T("list.messages.expired_text")}
	}
	if m.SettledBy != "" {
		lines = append(lines, l.T("list.messages.approved_by", "Who", m.SettledBy))
	}
	count := func(key string, n int) {
		if n > 0 {
			lines = append(lines, l.N(key, int64(n)))
		}
	}
	count("list.messages.to", m.Sent)
	count("list.messages.waiting", m.Waiting)
	count("list.messages.failed", m.Failed)
	return lines
}

// DecidedText says that a message was decided about before, by whom if a person did it.
func DecidedText(l *locale.Locale, d models.Decided) string {
	if d.State == models.MessageDiscarded {
		return l.T("list.messages.already.discarded", "Who", d.By)
	}
	if d.State == models.MessageRejected || d.State == models.MessageExpired {
		if d.By != "" {
			return l.T("list.messages.already.rejected", "Who", d.By)
		}
		return l.T("list.messages.already.gone")
	}
	if d.By != "" {
		return l.T("list.messages.already.approved", "Who", d.By)
	}
	return l.T("list.messages.already.sent")
}
