package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// # Why coming back from the provider takes a page and a form
//
// A provider leads people back by a link to us, that is by a GET from another
// site, and a GET of ours changes nothing (R23): it may be a reload, Back, or an
// address that somebody sent around. So it only shows what came, as a form. The
// form posts it, from our own site as any other, and that is where the code is
// redeemed, once, and a session begins. The script sends the form; without one
// it is a button. The cookie that all hangs on needs to cross no site then, and
// is SameSite=Strict.
//
// For the same reason nobody is led to the provider by a redirect: the policy of
// our pages lets forms go nowhere else, redirects included. The page on the way
// there goes on by its header Refresh, or by its link.

// SignOn lets people sign in at a provider of OpenID Connect.
type SignOn struct {
	Provider          *oidc.Provider
	Customers, Agents bool // who may
}

// requestCookie is of somebody who is on the way to the provider and back. What
// proves that they are the same is derived from it: see package oidc.
const requestCookie = "-oidc"

// maxOpaque bounds what the provider gives people to bring back, in octets.
const maxOpaque = 4096

// createIdentityRequest leads somebody to the provider: to sign in, or, with a
// session, to prove again who they are. There may be no session to bind a
// submission to; the check of the origin protects the form.
func (h *Handlers) createIdentityRequest(c echo.Context) error {
	f, err := readForm(c, "next", "again")
	if err != nil {
		return err
	}
	if h.signOn == nil {
		return models.ErrNotFound
	}
	r := models.IdentityRequest{Again: f.has("again"), Next: sitePath(f.Get("next"))}
	if s := sessionOf(c); s != nil && r.Again {
		r.SessionID = s.ID
	}
	if err := h.depart(c, models.Actor{}, r); err != nil {
		return err
	}
	return lead(c, views.IdentityRequestPath)
}

// proofElsewhere is where a form that asks for a proof leads whoever has none
// here, "" for nowhere.
func (h *Handlers) proofElsewhere(c echo.Context) string {
	if h.provider(sessionOf(c).AgentID != 0) == "" {
		return ""
	}
	next := c.Request().URL.RequestURI()
	if c.Request().Method != http.MethodGet {
		next = refererPath(c)
	}
	return views.IdentityProofTo(next)
}

// newIdentityProof offers to prove at the provider who one is, to those who have
// nothing to prove it with here.
func (h *Handlers) newIdentityProof(c echo.Context) error {
	if err := h.offered(c); err != nil {
		return err
	}
	p, err := h.page(c, "", t(c, "identity.again.heading"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.IdentityProofPage(p, h.signOn.Provider.Label, sitePath(c.QueryParam("next"))))
}

// depart notes that somebody is on their way.
func (h *Handlers) depart(c echo.Context, by models.Actor, r models.IdentityRequest) error {
	token, err := h.store.NewIdentityRequest(c.Request().Context(), by, r, c.RealIP(), h.secretCookie(c, requestCookie))
	if err == nil {
		h.setRequestCookie(c, token)
	}
	return err
}

// setRequestCookie sets the cookie of somebody on their way; "" takes it away.
func (h *Handlers) setRequestCookie(c echo.Context, token string) {
	cookie := &http.Cookie{
		Name: h.sessions.name + requestCookie, Value: token, Path: "/", HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteStrictMode,
		MaxAge: int(models.IdentityRequestFor.Seconds()),
	}
	if token == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

// showIdentityRequest is the page on the way to the provider.
func (h *Handlers) showIdentityRequest(c echo.Context) error {
	if h.signOn == nil {
		return models.ErrNotFound
	}
	token := h.secretCookie(c, requestCookie)
	r, err := h.store.IdentityRequest(c.Request().Context(), token)
	if errors.Is(err, models.ErrSignInEnded) {
		return c.Redirect(http.StatusSeeOther, views.HomePath)
	}
	if err != nil {
		return err
	}
	to, err := h.signOn.Provider.Departure(c.Request().Context(), oidc.Derive(token), r.Again)
	if err != nil {
		h.refuseSignOn(c, err)
		return err
	}
	p, err := h.page(c, "", t(c, "identity.leaving.heading"))
	if err != nil {
		return err
	}
	c.Response().Header().Set("Refresh", "0; url="+to)
	return mandat.Render(c, http.StatusOK, views.IdentityRequestPage(p, views.IdentityRequestView{Provider: h.signOn.Provider.Label, URL: to}))
}

// showIdentityAnswer shows what the provider led somebody back with, for the
// form to go on; what is refused there goes no further.
func (h *Handlers) showIdentityAnswer(c echo.Context) error {
	if h.signOn == nil {
		return models.ErrNotFound
	}
	q := c.QueryParams()
	f := views.IdentityAnswerForm{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss")}
	if code := q.Get("error"); code != "" {
		err := oidc.Refused(code)
		h.refuseSignOn(c, err)
		return err
	}
	if f.Code == "" || f.State == "" || len(f.Code)+len(f.State)+len(f.Issuer) > maxOpaque || len(q["code"]) > 1 || len(q["state"]) > 1 || len(q["iss"]) > 1 {
		return errMalformed
	}
	p, err := h.page(c, "", t(c, "identity.back.heading"))
	if err != nil {
		return err
	}
	p.Path = views.SignInPath // the foot's forms must not bring the answer along
	return mandat.Render(c, http.StatusOK, views.IdentityAnswerPage(p, f))
}

// takeIdentityAnswer redeems what the provider led somebody back with: once, for
// the browser that was led there, and for nobody else.
func (h *Handlers) takeIdentityAnswer(c echo.Context) error {
	f, err := readForm(c, "code", "state", "iss")
	if err != nil {
		return err
	}
	if h.signOn == nil {
		return models.ErrNotFound
	}
	c.Request().Header.Del("Referer") // nothing leads back to what came from the provider: it is used
	if len(f.Get("code"))+len(f.Get("state"))+len(f.Get("iss")) > maxOpaque {
		return errMalformed
	}
	r, account, err := h.redeem(c, oidc.Answer{Code: f.Get("code"), State: f.Get("state"), Issuer: f.Get("iss")})
	if err != nil {
		h.refuseSignOn(c, err)
		return err
	}
	switch {
	case r.Proves():
		return h.proveElsewhere(c, r, account)
	case r.SessionID != 0:
		return h.linkIdentity(c, account)
	}
	in, err := h.store.SignInByIdentity(c.Request().Context(), h.credentialsOf(account), h.browserOf(c), h.sessions.token(c.Request()))
	if errors.Is(err, models.ErrUnlinked) { // the operator needs the subject to link them
		h.security.Warn("sign-on of somebody who is not linked", "request", reference(c), "peer", c.RealIP(), "issuer", account.Issuer, "subject", account.Subject, "name", account.Name)
	}
	if err != nil {
		return err
	}
	return h.arrived(c, in, r.Next)
}

// redeem takes somebody's request and asks the provider who they are.
func (h *Handlers) redeem(c echo.Context, a oidc.Answer) (*models.IdentityRequest, *oidc.Account, error) {
	ctx, token := c.Request().Context(), h.secretCookie(c, requestCookie)
	secrets := oidc.Derive(token)
	if token == "" || !secrets.Answered(a.State) { // and the request of whoever was lured here stays
		return nil, nil, oidc.ErrAnswer
	}
	h.setRequestCookie(c, "")
	r, err := h.store.TakeIdentityRequest(ctx, token)
	if errors.Is(err, models.ErrSignInEnded) {
		err = errors.Join(oidc.ErrAnswer, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if s := sessionOf(c); r.SessionID != 0 && (s == nil || s.ID != r.SessionID) {
		return nil, nil, oidc.ErrAnswer
	}
	account, err := h.signOn.Provider.Arrival(ctx, secrets, a)
	return r, account, err
}

func identityOf(a *oidc.Account) models.Identity {
	return models.Identity{Issuer: a.Issuer, Subject: a.Subject, Name: a.Name}
}

// credentialsOf is what the provider says, for whom the operator has it.
func (h *Handlers) credentialsOf(a *oidc.Account) models.IdentityCredentials {
	return models.IdentityCredentials{Identity: identityOf(a), Claim: a.Claim, Customers: h.signOn.Customers, Agents: h.signOn.Agents, Strong: a.Strong, At: a.At}
}

// proveElsewhere takes the provider's word that the reader is still they, and
// goes on with their session: an agent acts on for the same customer.
func (h *Handlers) proveElsewhere(c echo.Context, r *models.IdentityRequest, a *oidc.Account) error {
	if err := h.offered(c); err != nil {
		return err
	}
	s := sessionOf(c)
	token, err := h.store.ProveByIdentity(c.Request().Context(), s.Actor().Self(), h.credentialsOf(a))
	if bad, is := refused(c, err); is {
		h.security.Warn("proof refused", "request", reference(c), "person", s.Identifier, "peer", c.RealIP())
		return h.done(c, nil, sitePath(r.Next), views.Flash{Tone: "crit", Text: bad.Summary()[0].Text})
	}
	if err != nil {
		return err
	}
	h.security.Info("proof given", "request", reference(c), "person", s.Identifier, "peer", c.RealIP())
	h.renewed(c, token)
	return h.done(c, nil, sitePath(r.Next), views.Flash{})
}

// linkIdentity links the reader with what the provider knows.
func (h *Handlers) linkIdentity(c echo.Context, a *oidc.Account) error {
	err := h.store.LinkIdentity(c.Request().Context(), sessionOf(c).Actor(), identityOf(a))
	if errors.Is(err, models.ErrSignedOut) { // meanwhile
		err = errors.Join(oidc.ErrAnswer, errNoSession)
	}
	if bad, is := refused(c, err); is {
		return h.identitiesPage(c, http.StatusUnprocessableEntity, bad)
	}
	if err == nil {
		h.security.Info("identity linked", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.IdentitiesPath, ok(c, "identity.linked", "Provider", h.signOn.Provider.Label))
}

var errNoSession = errors.New("the session that asked has ended")

// refuseSignOn writes the security log: why, and nothing that was brought.
func (h *Handlers) refuseSignOn(c echo.Context, err error) {
	h.security.Warn("sign-on refused", "request", reference(c), "peer", c.RealIP(), "error", err)
}
