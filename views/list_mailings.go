package views

import (
	"bytes"
	"context"
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Mail is a message of the panel, as its reader reads it.
type Mail struct {
	Subject, Text string
	HTML          string // "" for none
	FileName      string // of what comes with it
	File          []byte
}

// MembersMail is the message that brings the owner of a list its subscribers, in
// the language of the list: nobody knows which one its owner speaks.
func MembersMail(m *models.MemberMail) (*Mail, error) {
	zone, err := time.LoadLocation(m.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	l := locale.From(locale.With(context.Background(), m.List.Language, zone))
	var file bytes.Buffer
	table, err := NewCSV(&file, MembersHeading(l)...)
	if err != nil {
		return nil, err
	}
	for i := range m.Members {
		if err := table.Row(MemberRow(l, &m.Members[i])...); err != nil {
			return nil, err
		}
	}
	if err := table.End(); err != nil {
		return nil, err
	}
	address := models.ReadableAddress(m.List.Address)
	return &Mail{
		Subject:  l.T("list.subscribers.caption", "Address", address),
		Text:     l.N("list.mailing.text", int64(len(m.Members)), "Address", address, "Who", m.AskedBy, "Date", l.DateTime(m.AskedAt), "Zone", l.Zone()),
		FileName: CSVName(MembersFileName(m.List, models.Subscribers)),
		File:     file.Bytes(),
	}, nil
}

// MembersFileName is what the file of the members of a list is called, before it
// is made fit for every system.
func MembersFileName(list *models.List, k models.MemberKind) string {
	local, domain, _ := strings.Cut(list.Address, "@")
	return domain + "-" + local + "-" + string(k)
}

// MembersHeading is the first line of the file of the members of a list.
func MembersHeading(l *locale.Locale) []string {
	return []string{l.T("list.address"), l.T("list.added")}
}

// MemberRow is the line of a member in that file.
func MemberRow(l *locale.Locale, m *models.Member) []string {
	return []string{m.Email, l.DateInput(m.AddedAt)}
}

// mails says whether the viewer may have the subscribers sent to the owner of the list.
func (v MembersView) mails() bool {
	return v.Mails && v.Page.Kind == models.Subscribers && v.changes() && v.exports()
}

// mailed is what became of the last mailing.
func (v MembersView) mailed(l *locale.Locale) (tone ui.Tone, icon, text string) {
	m := v.Mailing
	at := m.AskedAt
	switch m.State {
	case models.MailingWaiting:
		icon = "clock"
	case models.MailingSent:
		tone, icon, at = ui.OK, "check", *m.SettledAt
	default:
		tone, icon = ui.Warn, "triangle-alert"
	}
	return tone, icon, l.T("list.mailing.told."+string(m.State), "Address", models.ReadableAddress(m.Recipient), "Date", l.DateTime(at))
}
