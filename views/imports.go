package views

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ImportForm is an account elsewhere, as typed; its password never comes back.
type ImportForm struct {
	Host, Security, Username string
	Errors                   Errors
}

// ImportSecurity is a way to a mail server that a form offers.
type ImportSecurity struct {
	Name     string
	Security imap.Security
	Port     int
}

// ImportSecurities are all of them, the best first.
var ImportSecurities = []ImportSecurity{{"tls", imap.TLS, 993}, {"starttls", imap.StartTLS, 143}}

// Secure puts into n which way was chosen. Invalid for any other.
func (f ImportForm) Secure(n *models.ImportForm) error {
	for _, s := range ImportSecurities {
		if s.Name == f.Security {
			n.Security, n.Port = s.Security, s.Port
			return nil
		}
	}
	return models.Invalid{"security": {{Key: "import.security.missing"}}}
}

func (f ImportForm) securities(l *locale.Locale) []ui.Option {
	var list []ui.Option
	for _, s := range ImportSecurities {
		list = append(list, ui.Option{Value: s.Name, Label: l.T("import.security."+s.Name, "Port", strconv.Itoa(s.Port)), Selected: s.Name == f.Security})
	}
	return list
}

// ImportsView is the imports into one address.
type ImportsView struct {
	Head    ServiceHead
	Access  *models.Access
	Form    ImportForm
	Recent  []models.Import // newest first
	Offered bool            // there is a mail server to import into
}

func (v ImportsView) domain() string { return v.Access.Service.Domain }
func (v ImportsView) local() string  { return v.Access.Account.LocalPart }

// open is the import that has not come to an end, nil when all have.
func (v ImportsView) open() *models.Import {
	for i := range v.Recent {
		if v.Recent[i].Open() {
			return &v.Recent[i]
		}
	}
	return nil
}

// ImportView is one import.
type ImportView struct {
	Head          ServiceHead
	Domain, Local string
	Import        *models.Import
	Mine          bool // the viewer asked for it
	Streamed      bool // what is new comes by itself
	Errors        Errors
	Now           time.Time
}

func (v ImportView) path() string { return ImportPath(v.Domain, v.Local, v.Import.ID) }

// chooses, resumes and cancels say what the viewer can decide now: buttons that
// would be refused are absent.
func (v ImportView) chooses() bool {
	return v.Import.State == models.ImportChoosing && v.Mine && !v.Head.Suspended
}

func (v ImportView) resumes() bool {
	return v.Import.State == models.ImportPaused && v.Mine && !v.Head.Suspended
}

func (v ImportView) cancels() bool { return v.Import.Open() && !v.Head.Suspended }

// says is how the import stands, in a sentence.
func (v ImportView) says(l *locale.Locale) (ui.Tone, string) {
	m := v.Import
	switch m.State {
	case models.ImportChoosing:
		return ui.Accent, l.T("import.choosing.others", "Who", m.AskedBy)
	case models.ImportPaused:
		return ui.Warn, l.T("import.reason." + m.Reason)
	case models.ImportDone:
		return ui.OK, l.N("import.done", int64(m.Copied))
	case models.ImportCancelled:
		return ui.Warn, l.N("import.cancelled", int64(m.Copied))
	}
	return ui.Crit, l.T("import.reason." + m.Reason)
}

// progress is how far it has come, in words.
func (v ImportView) progress(l *locale.Locale) string {
	m := v.Import
	switch {
	case m.State == models.ImportTesting:
		return l.T("import.testing", "Server", m.Host)
	case m.Tries > 0 && m.DueAt.After(v.Now):
		return l.T("import.waiting", "Time", l.Time(m.DueAt))
	}
	return l.T("import.progress", "Done", l.Number(int64(m.Handled())), "Total", l.Number(int64(m.Total)), "Percent", strconv.Itoa(m.Percent()))
}

// left is about how long it still takes, "" while nobody knows.
func (v ImportView) left(l *locale.Locale) string {
	switch left := v.Import.Left(); {
	case left == 0, v.Import.Tries > 0:
		return ""
	case left < time.Minute:
		return l.T("import.left.moment")
	case left < 90*time.Minute:
		return l.N("import.left.minutes", int64((left+time.Minute-1)/time.Minute))
	default:
		return l.N("import.left.hours", int64((left+time.Hour-1)/time.Hour))
	}
}

func (v ImportView) facts(l *locale.Locale) []ui.Fact {
	m := v.Import
	facts := []ui.Fact{
		{Term: l.T("import.host"), Text: imap.Legible(m.Server(), 300)},
		{Term: l.T("import.username"), Text: imap.Legible(m.Username, 320)},
		{Term: l.T("import.asked"), Text: l.T("import.asked_by", "Who", m.AskedBy, "Date", l.DateTime(m.CreatedAt))},
	}
	if m.StartedAt == nil {
		return facts
	}
	facts = append(facts, ui.Fact{Term: l.T("import.copied"), Text: l.Number(int64(m.Copied))})
	if m.Present > 0 {
		facts = append(facts, ui.Fact{Term: l.T("import.present"), Text: l.Number(int64(m.Present))})
	}
	if m.Skipped > 0 {
		facts = append(facts, ui.Fact{Term: l.T("import.skipped"), Text: l.Number(int64(m.Skipped))})
	}
	return facts
}

// maxFolderShown bounds the name of a folder elsewhere on a page, in characters.
const maxFolderShown = 200

// folderName is the name of a folder as it may be shown: what a server calls
// them may be anything.
func folderName(l *locale.Locale, name string) string {
	if strings.EqualFold(name, "INBOX") {
		return l.T("import.inbox")
	}
	return imap.Legible(name, maxFolderShown)
}

// choices are the folders to choose from: those that are usual are ticked.
func (v ImportView) choices(l *locale.Locale) []ui.Option {
	list := make([]ui.Option, len(v.Import.Folders))
	for i, f := range v.Import.Folders {
		hint := l.T("import.folder.to", "Folder", folderName(l, f.Target))
		if f.Messages != nil {
			hint = l.N("import.folder.messages", int64(*f.Messages)) + " " + hint
		}
		list[i] = ui.Option{Value: strconv.FormatInt(f.ID, 10), Label: folderName(l, f.Name), Hint: hint, Selected: f.Usual}
	}
	return list
}

// skips are the messages of a folder that were not copied, as far as they are kept.
func skips(l *locale.Locale, f *models.ImportFolder) string {
	texts := make([]string, len(f.Skips))
	for i, s := range f.Skips {
		texts[i] = l.T("import.skip."+string(s.Reason), "Date", l.DateTime(s.At), "Size", l.Size(s.Size))
	}
	if more := f.Skipped - len(f.Skips); more > 0 && len(f.Skips) > 0 {
		texts = append(texts, l.N("import.skip.more", int64(more)))
	}
	return strings.Join(texts, " ")
}

// importState is how far an import has come, in a badge.
func importState(l *locale.Locale, m *models.Import) templ.Component {
	tones := map[models.ImportState]ui.Tone{
		models.ImportChoosing: ui.Accent, models.ImportPaused: ui.Warn, models.ImportDone: ui.OK, models.ImportFailed: ui.Crit, models.ImportStopped: ui.Crit,
	}
	icons := map[models.ImportState]string{
		models.ImportTesting: "clock", models.ImportChoosing: "info", models.ImportRunning: "clock", models.ImportPaused: "pause", models.ImportDone: "check",
		models.ImportFailed: "circle-alert", models.ImportCancelled: "x", models.ImportStopped: "circle-alert",
	}
	return ui.Badge(tones[m.State], icons[m.State], l.T("import.state."+string(m.State)))
}
