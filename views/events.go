package views

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// HistoryView is a page of a history, newest first.
type HistoryView struct {
	Head    ServiceHead // of a service; zero for a person's own history
	Domain  string      // A-label; "" for a person's own
	Local   string      // only this account
	Events  []models.Event
	More    bool // older ones exist
	Reduced bool // the viewer is not told everything
	Newest  bool // this is the first page
}

func (v HistoryView) path() string {
	if v.Domain == "" {
		return HistoryPath
	}
	return ServiceHistoryPath(v.Domain)
}

// older is the next page.
func (v HistoryView) older() string {
	last := v.Events[len(v.Events)-1]
	before := last.Number
	if v.Domain == "" {
		before = last.ID
	}
	return historyPath(v.path(), v.Local, before)
}

// eventText is what happened, as a sentence.
func eventText(l *locale.Locale, e *models.Event) string {
	return l.T("event."+e.Kind, "Who", eventActor(l, e), "Whom", e.Subject, "Object", eventObject(e))
}

// eventActor is who did it: a customer, an agent, for them or for themselves, a moderator by mail, or the operator.
func eventActor(l *locale.Locale, e *models.Event) string {
	switch {
	case e.Agent != "" && e.Actor == "":
		return l.T("event.agent.alone", "Agent", e.Agent)
	case e.Agent != "":
		return l.T("event.agent", "Agent", e.Agent, "Who", e.Actor)
	case e.Actor == "":
		if moderator, byMail := e.Detail["moderator"].After.(string); byMail {
			return moderator
		}
		return l.T("event.operator")
	}
	return e.Actor
}

func eventObject(e *models.Event) string {
	if strings.Contains(e.Object, "@") {
		return models.ReadableAddress(e.Object)
	}
	return models.ReadableDomain(e.Object)
}

// An eventChange is one value of an event, before and after, for the reader.
type eventChange struct{ Label, Before, After string }

// eventChanges are what an event changed, in the order of the fields' names.
func eventChanges(l *locale.Locale, e *models.Event) []eventChange {
	var list []eventChange
	for _, field := range slices.Sorted(maps.Keys(e.Detail)) {
		c := e.Detail[field]
		list = append(list, eventChange{l.T("event.field." + field), eventValue(l, field, c.Before), eventValue(l, field, c.After)})
	}
	return list
}

// eventValue writes a value as the history keeps it: text, a number or a time.
func eventValue(l *locale.Locale, field string, v any) string {
	var text string
	switch v := v.(type) {
	case string:
		text = eventWords(l, field, v)
	case time.Time:
		text = LastDay(l, v)
	case float64: // as JSON has numbers
		text = eventNumber(l, field, int64(v))
	case int64:
		text = eventNumber(l, field, v)
	case int:
		text = eventNumber(l, field, int64(v))
	}
	return orNone(l, text)
}

func eventNumber(l *locale.Locale, field string, n int64) string {
	switch field {
	case "size", "used", "max_size", "max_account_size":
		return l.Size(n)
	}
	return l.Number(n)
}

func eventWords(l *locale.Locale, field, text string) string {
	switch field {
	case "linked_by":
		return l.T("identity.by." + text)
	case "posting":
		return l.T("list.posting." + text)
	case "way":
		return l.T("list.way." + text)
	case "reply_to":
		return replyTo(l, text)
	case "filter_state":
		return l.T("filter." + text)
	case "language":
		return l.T("list.language." + text)
	case "filter_match", "filter_rules", "filter_action":
		return filterPart(l, field, text)
	case "extras":
		return extraNames(l, strings.Fields(text))
	case "looked":
		return strings.ReplaceAll(text, "\n", ", ")
	case "consent":
		return l.T("assistance.by." + text)
	case "may":
		return mayWord(l, text == ModeChange)
	case "why":
		return l.T("assistance.why." + text)
	case "role":
		return l.T("agent.role." + text)
	case "keep_copy":
		return keptWord(l, text == "yes")
	case "expires":
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return LastDay(l, t)
		}
	case "starts", "ends", "since":
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return l.DateTime(t)
		}
	}
	return text
}

func historyPath(path, local string, before int64) string {
	path = withQuery(path, "local", local)
	if before == 0 {
		return path
	}
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + "before=" + strconv.FormatInt(before, 10)
}
