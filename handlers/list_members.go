package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// The subscribers and the moderators of a list have the same pages: each of
// these makes the handler of one kind.

func (h *Handlers) listMembers(k models.MemberKind) echo.HandlerFunc {
	return func(c echo.Context) error { return h.membersPage(c, http.StatusOK, k, views.MembersView{}) }
}

// membersPage shows a page of the members, with what became of a form.
func (h *Handlers) membersPage(c echo.Context, status int, k models.MemberKind, v views.MembersView) (err error) {
	domain, name := c.Param("domain"), c.Param("name")
	if v.Form, err = walkForm(c, views.MembersPath(domain, name, k)); err != nil {
		return err
	}
	if v.Page, err = h.store.Members(c.Request().Context(), sessionOf(c).Actor(), domain, name, k, v.Form.Query()); err != nil {
		return err
	}
	l := locale.From(c.Request().Context())
	if v.Mails = h.store.Mails(); v.Mails && k == models.Subscribers {
		if v.Mailing, err = h.store.LastMailing(c.Request().Context(), v.Page.Access, v.Page.List); err != nil {
			return err
		}
	}
	title := t(c, "list."+string(k))
	v.Head = listHead(c, v.Page.Access, v.Page.List, ui.Crumb{Label: title})
	p, err := h.page(c, "services", title+" · "+models.ReadableAddress(v.Page.List.Address))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	if isFragment(c) && c.Request().Method == http.MethodGet {
		return mandat.Render(c, status, views.MembersTable(l, v))
	}
	return mandat.Render(c, status, views.MembersPage(p, v))
}

// exportMembers is all members as a file.
func (h *Handlers) exportMembers(k models.MemberKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		l, domain, name := locale.From(c.Request().Context()), c.Param("domain"), c.Param("name")
		var file *csvFile
		begin := func(list *models.List) (err error) {
			file, err = h.newCSV(c, views.MembersFileName(list, k), views.MembersHeading(l)...)
			return err
		}
		err := h.store.EachMember(c.Request().Context(), sessionOf(c).Actor(), domain, name, k, begin, func(m *models.Member) error {
			return file.row(views.MemberRow(l, m)...)
		})
		if file == nil {
			return err
		}
		return file.end(err)
	}
}

func (h *Handlers) addMembers(k models.MemberKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		sent, by, err := h.sent(c, "members")
		return h.changeMembers(c, k, "", sent.Values["members"], by, err)
	}
}

func (h *Handlers) removeMembers(k models.MemberKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		sent, by, err := h.sent(c, "members…")
		return h.changeMembers(c, k, views.MembersRemoval, sent.Values["members"], by, err)
	}
}

// addMembersFile adds what a file has: an address a line, or in the first column.
func (h *Handlers) addMembersFile(k models.MemberKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		sent, by, err := h.sentFile(c)
		return h.changeMembers(c, k, views.MembersFile, firstColumn(sent.Get("file")), by, err)
	}
}

// changeMembers does what a form of the page asks for its lines. What was
// refused comes back in its field, each line with its reason.
func (h *Handlers) changeMembers(c echo.Context, k models.MemberKind, job string, texts []string, by models.Actor, err error) error {
	if errors.Is(err, errMalformed) || errors.Is(err, errTooLarge) {
		return err
	}
	ctx, domain, name := c.Request().Context(), c.Param("domain"), c.Param("name")
	typed := strings.Join(texts, "\n")
	change := h.store.AddMembers
	if job == views.MembersRemoval {
		change = h.store.RemoveMembers
	}
	var result *models.MemberResult
	if err == nil {
		result, err = change(ctx, by, domain, name, k, strings.Split(typed, "\n"))
	}
	v := views.MembersView{Job: job, Typed: typed}
	var isRefused bool
	if v.Errors, isRefused = refused(c, err); isRefused {
		return h.membersPage(c, http.StatusUnprocessableEntity, k, v)
	}
	if err != nil {
		return h.done(c, err, views.MembersPath(domain, name, k), views.Flash{})
	}
	did := views.MembersDone(locale.From(ctx), result, k, job == views.MembersRemoval)
	if len(result.Refused) == 0 {
		return h.done(c, nil, views.MembersPath(domain, name, k), did)
	}
	if did.Text != "" {
		v.Done = &did
	}
	if job == views.MembersFile {
		v.Job = "" // a page cannot fill in a file: its lines are corrected where one types
	}
	v.Typed, v.Lines, v.More = refusedLines(ctx, result.Refused)
	return h.membersPage(c, http.StatusUnprocessableEntity, k, v)
}

// refusedLines are the lines for their field, and the reasons of the first of them.
func refusedLines(ctx context.Context, list []models.RefusedLine) (typed string, reasons []string, more int) {
	l := locale.From(ctx)
	lines := make([]string, len(list))
	for i, r := range list {
		lines[i] = r.Line
		if i < views.MaxRefusals {
			reasons = append(reasons, views.LineReason(l, r))
		}
	}
	return strings.Join(lines, "\n"), reasons, len(list) - len(reasons)
}

// firstColumn is the first column of a file, whichever way its columns are
// parted, without a heading: a first line that has no @ while others do. A file
// that is no CSV is taken line by line.
func firstColumn(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	first, _, _ := strings.Cut(text, "\n")
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	for _, parting := range ";\t" {
		if strings.ContainsRune(first, parting) {
			r.Comma = parting
			break
		}
	}
	var lines []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			lines = strings.Split(text, "\n")
			break
		}
		lines = append(lines, uncell(record[0]))
	}
	if len(lines) > 1 && !strings.Contains(lines[0], "@") && strings.Contains(lines[1], "@") {
		lines = lines[1:]
	}
	return lines
}

// uncell takes back what views.CSVCell did, so that a file we wrote can be read again.
func uncell(text string) string {
	if inner, marked := strings.CutPrefix(text, "'"); marked && views.CSVCell(inner) == text {
		return inner
	}
	return text
}
