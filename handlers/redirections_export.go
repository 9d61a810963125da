package handlers

import (
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// exportRedirections is what the tab Redirections lists, all its pages, as a
// file: the address, "*@domain" for the catch-all; its targets, apart by a
// space, so that the cell has none of the signs that part columns; and whether
// the mailbox keeps a copy, which that of an alias never does.
func (h *Handlers) exportRedirections(c echo.Context) error {
	form, err := redirectionsForm(c)
	if err != nil {
		return err
	}
	var file *csvFile
	begin := func() error {
		file, err = h.newCSV(c, form.Domain+"-redirections", t(c, "redirection.from"), t(c, "redirection.to"), t(c, "redirection.export.copy", "Kept", views.CopyKept, "None", views.CopyNone))
		return err
	}
	each := func(r *models.Redirection) error {
		from, kept := r.Address, views.CopyNone
		if r.CatchAll() {
			from = "*" + from
		}
		if r.KeepCopy {
			kept = views.CopyKept
		}
		return file.row(from, strings.Join(r.TargetAddresses(), " "), kept)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), exportTimeout)
	defer cancel()
	err = h.store.ExportRedirections(ctx, h.sessions.token(c.Request()), form.Domain, form.Search, begin, each)
	if file == nil {
		return err
	}
	return file.end(err)
}
