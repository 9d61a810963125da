// Package mandat is the map of the code, and the one point where HTML leaves it.
//
// Mandat is a web panel with which people hand over the management of e-mail
// addresses without handing over a password. Each noun of the product (service,
// account, grant, event, customer, session) has the same name everywhere: in
// the URL, in handlers, models and views, in the table and in the messages, so
// that `ls */grants*` shows the whole of it.
//
//	web          the program: commands, configuration, server, worker
//	handlers     HTTP in, page out; routes.go is the map of the product
//	  oidc       how a provider of OpenID Connect is asked
//	models       what is true, and the SQL that keeps it true
//	  policy     the permission table, one pure value
//	  history    the hash chains of the history, and how they are verified
//	  cast       the demo world
//	views        one .templ per noun, the page structs beside the markup
//	  ui         the parts that pages are made of
//	  locale     French and English
//	  gallery    every page in every state
//	static       what browsers load
//	mail         what speaks to the mail side and knows none of the nouns; the
//	             configuration of Postfix and Dovecot, and its proof
//	  listd      the list service, a program of its own
//	deploy       what an operator copies
//
// Imports run downwards only; web/layers_test.go keeps the table.
package mandat

//go:generate go tool templ generate

import (
	"bytes"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keep bounds the buffers that are kept for the next page, in bytes.
const keep = 1 << 20

// Render answers with a component. It is rendered into a buffer first: one that
// fails half-way reaches the error handler with nothing sent, rather than
// leaving a truncated page with status 200.
func Render(c echo.Context, status int, component templ.Component) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= keep {
			b.Reset()
			buffers.Put(b)
		}
	}()
	if err := component.Render(c.Request().Context(), b); err != nil {
		return err
	}
	return c.HTMLBlob(status, b.Bytes())
}
