package handlers

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// exportTimeout bounds an export in the place of requestTimeout: as long as the
// server may write one answer. A reader who goes away ends it with a later row.
const exportTimeout = 30 * time.Second

// exportAccounts is what the tab Emails lists, all its pages, or those of it that
// were ticked, as a file. Whoever holds single accounts gets these.
func (h *Handlers) exportAccounts(c echo.Context) error {
	domain := c.Param("domain")
	query, err := exportQuery(c)
	if err != nil {
		return err
	}
	var file *csvFile
	begin := func() error {
		file, err = h.newCSV(c, domain+"-emails",
			t(c, "account.address"), t(c, "account.description"), t(c, "account.export.bytes"), t(c, "account.export.used"), t(c, "account.status"), t(c, "account.managed_by"))
		return err
	}
	l := locale.From(c.Request().Context())
	each := func(i *models.AccountItem) error {
		_, _, state := views.AccountState(l, &i.Account)
		managers := strings.Join(i.Managers, " ")
		if i.MoreManagers {
			managers += " …"
		}
		return file.row(i.Address, i.Description, strconv.FormatInt(i.SizeBytes, 10), strconv.FormatInt(i.UsedBytes, 10), state, managers)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), exportTimeout)
	defer cancel()
	err = h.store.ExportAccounts(ctx, h.sessions.token(c.Request()), domain, query, begin, each)
	if file == nil {
		return err
	}
	return file.end(err)
}

// exportQuery reads what is to be exported: ticked accounts, else what the list is asked for.
func exportQuery(c echo.Context) (models.AccountQuery, error) {
	if ticked := c.QueryParams()["accounts"]; ticked != nil {
		locals, err := tickedOf(c, ticked)
		return models.AccountQuery{Ticked: locals}, err
	}
	form, err := accountsForm(c)
	return form.Query(), err
}
