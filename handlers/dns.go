package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/ui"
)

// dnsPatience is how long a page waits for what a domain publishes: less than a
// request may take, more than a check does.
const dnsPatience = 7 * time.Second

// showDNS has what a domain publishes looked at, unless that was done a moment
// ago, and waits for it for a few seconds. The overview asks for it by itself.
// Who holds single accounts has no overview, and nothing of this.
func (h *Handlers) showDNS(c echo.Context) error {
	a, err := h.service(c, policy.SeeService)
	if err != nil {
		return err
	}
	domain := a.Service.Domain
	switch {
	case !a.Whole():
		return c.Redirect(http.StatusSeeOther, views.AccountsPath(domain))
	case h.dns == nil:
		return c.Redirect(http.StatusSeeOther, views.ServicePath(domain))
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), dnsPatience)
	defer cancel()
	v := views.DNSView{Domain: domain}
	var current bool
	v.Report, v.Known, current = h.dns.Look(ctx, domain)
	v.Late = !current
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.DNSBody(v))
	}
	title := t(c, "dns.title")
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.DNSPage(p, serviceHead(c, a, "overview", ui.Crumb{Label: title}), v))
}

// lastDNS is what was found of the domain of a service when somebody looked
// last; it never waits. nil if nobody looks.
func (h *Handlers) lastDNS(a *models.Access) *views.DNSView {
	if h.dns == nil {
		return nil
	}
	v := &views.DNSView{Domain: a.Service.Domain}
	v.Report, v.Known, v.Asks = h.dns.Last(v.Domain)
	return v
}
