package views

import (
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// UploadFormView is the form for a file, and those sent lately.
type UploadFormView struct {
	Head   ServiceHead
	Domain string // A-label
	Kind   models.UploadKind
	Errors Errors
	Recent []models.Upload
}

// t is a text about this kind of files.
func (v UploadFormView) t(l *locale.Locale, key string, args ...any) string {
	return l.T("upload."+string(v.Kind)+"."+key, args...)
}

// columns are what a file may have, and what each means.
func (v UploadFormView) columns(l *locale.Locale) []ui.Fact {
	var list []ui.Fact
	for _, c := range UploadColumns(v.Kind) {
		if c.Explained {
			list = append(list, ui.Fact{Term: c.Heading(l), Text: v.t(l, "column."+c.Name)})
		}
	}
	return list
}

// UploadColumn is a column that a file may have. Its heading is that of our own
// files in either language, or Name.
type UploadColumn struct {
	Name      string
	key       string
	Needed    bool
	Explained bool // on the form; others are only taken from our own files
	Passed    bool // over: what the panel itself keeps
}

// Heading is the heading of the column in our own files.
func (c UploadColumn) Heading(l *locale.Locale) string {
	if c.Name == "copy" {
		return l.T(c.key, "Kept", CopyKept, "None", CopyNone)
	}
	return l.T(c.key)
}

// What a file says about a copy, in any language of its reader: it is read again
// by the panel, and by people who read another.
const (
	CopyKept = "yes"
	CopyNone = "no"
)

// UploadColumns are the columns of a kind of file. Where several say the same,
// the last one that has something in a line counts.
func UploadColumns(k models.UploadKind) []UploadColumn {
	if k == models.UploadRedirections {
		return []UploadColumn{
			{Name: "from", key: "redirection.from", Needed: true, Explained: true}, {Name: "to", key: "redirection.to", Needed: true, Explained: true}, {Name: "copy", key: "redirection.export.copy", Explained: true},
		}
	}
	return []UploadColumn{
		{Name: "address", key: "account.address", Needed: true, Explained: true},
		{Name: "description", key: "account.description", Explained: true},
		{Name: "size_gb", key: "upload.size", Explained: true},
		{Name: "size_bytes", key: "account.export.bytes"},
		{Name: "used_bytes", key: "account.export.used", Passed: true},
		{Name: "status", key: "account.status", Passed: true},
		{Name: "managed_by", key: "account.managed_by", Passed: true},
	}
}

// UploadView is one file: how far it has come, and what comes of its lines.
type UploadView struct {
	Head    ServiceHead
	Domain  string // A-label
	Upload  *models.Upload
	Outcome models.UploadOutcome // only these lines; "" for all
	Lines   []models.UploadLine
	More    bool // there are more lines
	First   bool // this is the first page
}

func (v UploadView) path() string { return UploadPath(v.Domain, v.Upload.Kind, v.Upload.ID) }

// applies and cancels say what can be decided: buttons that would be refused are absent.
func (v UploadView) applies() bool {
	return v.Upload.State == models.UploadReady && !v.Head.Suspended
}

func (v UploadView) cancels() bool {
	return v.Upload.State != models.UploadDone && !v.Head.Suspended
}

// shown says whether anything is known of the lines.
func (v UploadView) shown() bool {
	return !v.Upload.Runs() && v.Upload.State != models.UploadFailed
}

// AllOutcomes asks a page for all lines, where it would show some.
const AllOutcomes models.UploadOutcome = "all"

// ShownOutcome is which lines are shown, "" for all: of a file that was refused
// what is wrong, unless others are asked for.
func ShownOutcome(u *models.Upload, asked models.UploadOutcome) models.UploadOutcome {
	switch {
	case asked == AllOutcomes:
		return ""
	case asked == "" && u.State == models.UploadRefused:
		return models.LineRefused
	}
	return asked
}

// of is the page with the lines of one outcome, from a line on.
func (v UploadView) of(o models.UploadOutcome, after int) string {
	q := url.Values{}
	if o == "" {
		o = AllOutcomes
	}
	q.Set("outcome", string(o))
	if after > 0 {
		q.Set("after", strconv.Itoa(after))
	}
	return v.path() + "?" + q.Encode()
}

// progress is how far the job has come, in words.
func (v UploadView) progress(l *locale.Locale) string {
	return l.T("upload."+string(v.Upload.State)+".progress", "Percent", v.Upload.Percent)
}

// verdict is what is to be said of a file whose job has ended.
func (v UploadView) verdict(l *locale.Locale) (tone ui.Tone, text string) {
	u := v.Upload
	switch u.State {
	case models.UploadReady:
		if u.Moved {
			return ui.Warn, l.T("upload.moved")
		}
		return ui.Accent, l.T("upload.ready")
	case models.UploadRefused:
		return ui.Crit, l.N("upload.refused", int64(u.Refused))
	case models.UploadDone:
		if u.Created+u.Changed == 0 {
			return ui.OK, l.T("upload.done.nothing")
		}
		return ui.OK, l.T("upload.done", "Created", l.N("upload.done.created", int64(u.Created)), "Changed", l.N("upload.done.changed", int64(u.Changed)))
	}
	return ui.Crit, l.T("upload.failed")
}

// outcomeText is what comes of n lines: it will, until the file is done.
func (v UploadView) outcomeText(l *locale.Locale, o models.UploadOutcome, n int) string {
	if v.Upload.State == models.UploadDone {
		return l.N("upload.did."+string(o), int64(n))
	}
	return l.N("upload.will."+string(o), int64(n))
}

// outcome is outcomeText of one line in a badge.
func (v UploadView) outcome(l *locale.Locale, o models.UploadOutcome) templ.Component {
	tone, icon := ui.Tone(""), "check"
	switch o {
	case models.LineRefused:
		tone, icon = ui.Crit, "circle-alert"
	case models.LineCreated:
		tone, icon = ui.OK, "plus"
	case models.LineChanged:
		tone, icon = ui.Accent, "pencil"
	}
	return ui.Badge(tone, icon, v.outcomeText(l, o, 1))
}

// apply is the button that has the file done, with what that will be.
func (v UploadView) apply(l *locale.Locale) string {
	return l.N("upload.apply", int64(v.Upload.Created+v.Upload.Changed))
}

// back and backPath lead to what the file is about.
func (v UploadView) back(l *locale.Locale) string {
	return l.T("upload." + string(v.Upload.Kind) + ".back")
}

func (v UploadView) backPath() string {
	if v.Upload.Kind == models.UploadRedirections {
		return RedirectionsPath(v.Domain)
	}
	return AccountsPath(v.Domain)
}

// uploadObject is the address of a line as people write it.
func uploadObject(line *models.UploadLine) string {
	if line.Outcome == models.LineRefused {
		return line.Object
	}
	return models.ReadableAddress(line.Object)
}

// uploadState is how far a file has come, in a badge.
func uploadState(l *locale.Locale, u *models.Upload) templ.Component {
	tones := map[models.UploadState]ui.Tone{models.UploadReady: ui.Accent, models.UploadRefused: ui.Crit, models.UploadDone: ui.OK, models.UploadFailed: ui.Crit}
	icons := map[models.UploadState]string{models.UploadReady: "info", models.UploadRefused: "circle-alert", models.UploadDone: "check", models.UploadFailed: "circle-alert"}
	return ui.Badge(tones[u.State], icons[u.State], l.T("upload.state."+string(u.State)))
}

// uploadChanges are what a line changes, as the history will say it.
func uploadChanges(l *locale.Locale, line *models.UploadLine) []eventChange {
	return eventChanges(l, &models.Event{Detail: line.Detail})
}
